(() => {
  "use strict";
  const options = { displayModeBar: false, responsive: true, scrollZoom: false };
  const charts = [...document.querySelectorAll("[data-figure]")];
  const figure = (node) => JSON.parse(document.getElementById(node.dataset.figure).textContent);
  const resize = (width) => charts.forEach((node) => Plotly.relayout(node, width(node)));

  charts.forEach((node) => {
    const { data, layout } = figure(node);
    Plotly.newPlot(node, data, layout, options);
  });
  addEventListener("beforeprint", () => resize((node) => ({ width: node.closest(".wide") ? 660 : 320 })));
  addEventListener("afterprint", () => resize(() => ({ width: null, autosize: true })));
})();
