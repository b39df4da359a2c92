// In a function of its own: the Vega bundle declares global constants.
(() => {
  "use strict";
  const options = { renderer: "svg", actions: { export: true, source: false, compiled: false, editor: false } };
  const NARROW = 560; // pixels
  const LETTER = 7;
  // Names and titles in lines, fewer entries in a line of the legend: what fits 780 pixels does not fit a phone.
  const narrow = (node, width) => {
    if (node === null || typeof node !== "object") return;
    if (node.legend?.columns) {
      node.legend.columns = Math.max(1, Math.floor((node.legend.columns * (width - 60)) / 720));
      node.legend.labelLimit = width - 60;
      node.legend.labelFontSize = 11;
    }
    if (node.y?.type === "nominal") {
      const lines = "split(datum.label, ', ')";
      const labelExpr = node.y.axis?.labelExpr ?? lines; // a chart's own, where it has one
      node.y.axis = { ...node.y.axis, labelExpr, labelLimit: width * 0.5, labelFontSize: 10 };
    }
    if (node.x?.title) {
      node.x.title = [node.x.title].flat().flatMap((title) => wrap(title, (width - 20) / LETTER));
      node.x.axis = { ...node.x.axis, titleAnchor: "end" };
    }
    Object.values(node).forEach((inner) => narrow(inner, width));
  };
  const wrap = (text, letters) =>
    text.split(" ").reduce((lines, word) => {
      const last = lines[lines.length - 1];
      if (last && last.length + 1 + word.length <= letters) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
      return lines;
    }, []);
  const unpack = async (id) => {
    const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  const draw = async () => {
    const [vega, charts] = await Promise.all([unpack("vega"), unpack("charts")]);
    const library = document.createElement("script");
    library.textContent = vega;
    document.head.append(library);
    const specs = JSON.parse(charts);
    for (const live of document.querySelectorAll(".live")) {
      const drawn = live.parentElement.querySelector(".drawn");
      const spec = specs[live.dataset.chart];
      live.hidden = false;
      if (live.clientWidth < NARROW) narrow(spec, live.clientWidth);
      window
        .vegaEmbed(live, spec, options)
        .then(() => {
          drawn.hidden = true;
          live.querySelector("summary")?.setAttribute("aria-label", "Save this chart as a picture");
        })
        .catch((error) => { live.hidden = true; console.error(error); });
    }
  };
  // A browser that cannot unpack keeps the drawings, as one without scripts does.
  if ("DecompressionStream" in window) draw().catch(console.error);
  const links = new Map([...document.querySelectorAll("nav li a")].map((a) => [a.hash.slice(1), a]));
  const here = new IntersectionObserver((entries) => {
    for (const entry of entries) links.get(entry.target.id)?.classList.toggle("here", entry.isIntersecting);
  }, { rootMargin: "-10% 0px -70% 0px" });
  document.querySelectorAll("section").forEach((section) => here.observe(section));
})();
