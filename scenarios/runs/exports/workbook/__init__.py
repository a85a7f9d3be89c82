"""A run as a workbook that a finance department reads: statements, operations, inputs, and a spreadsheet of its own."""
