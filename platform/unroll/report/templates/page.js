// In a function of its own: the Vega bundle declares global constants.
(() => {
  "use strict";
  const options = { renderer: "svg", actions: { export: true, source: false, compiled: false, editor: false } };
  for (const figure of document.querySelectorAll("figure.chart")) {
    const live = figure.querySelector(".live");
    const drawn = figure.querySelector(".drawn");
    const spec = JSON.parse(figure.querySelector("script").textContent);
    live.hidden = false;
    window
      .vegaEmbed(live, spec, options)
      .then(() => { drawn.hidden = true; })
      .catch((error) => { live.hidden = true; console.error(error); });
  }
  const links = new Map([...document.querySelectorAll("nav li a")].map((a) => [a.hash.slice(1), a]));
  const here = new IntersectionObserver((entries) => {
    for (const entry of entries) links.get(entry.target.id)?.classList.toggle("here", entry.isIntersecting);
  }, { rootMargin: "-10% 0px -70% 0px" });
  document.querySelectorAll("section").forEach((section) => here.observe(section));
})();
