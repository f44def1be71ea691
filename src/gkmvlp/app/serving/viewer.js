// What belongs together lights up together: a finding, its sentences, its box, its heat map, its knowledge row.
// Listeners stand on the document, so that readings may come and go. Focus does what the mouse does, a click holds on.
(() => {
  const each = (root, selector, act) => root.querySelectorAll(selector).forEach(act);
  const words = (value) => (value || "").split(" ").filter(Boolean);
  const sources = "[data-of].gk-finding, [data-of].gk-sentence, [data-of].gk-box";
  let held = null; // what was clicked

  function light(source) {
    const names = source ? words(source.dataset.of) : [];
    const regions = source ? words(source.dataset.regions) : [];
    const boxless = source ? words(source.dataset.boxless) : [];
    each(document, ".gk-reading", (reading) => {
      each(reading, sources, (one) => {
        const shared = words(one.dataset.of).filter((name) => names.includes(name));
        const isBox = one.classList.contains("gk-box");
        one.classList.toggle("gk-lit", shared.some((name) => !isBox || !boxless.includes(name)));
        one.classList.toggle("gk-pinned", one === held);
      });
      each(reading, ".gk-region", (one) => one.classList.toggle("gk-lit", regions.includes(one.dataset.region)));
      if (names.length === 0) return;
      show(reading, ".gk-heat", names[0]);
      show(reading, ".gk-know > div", names[0]);
    });
  }

  function show(reading, selector, name) {
    const all = [...reading.querySelectorAll(selector)];
    if (all.some((one) => one.dataset.of === name)) all.forEach((one) => (one.hidden = one.dataset.of !== name));
  }

  const sourceOf = (event) => (event.target.closest ? event.target.closest(sources) : null);
  for (const kind of ["mouseover", "focusin"]) {
    document.addEventListener(kind, (event) => sourceOf(event) && light(sourceOf(event)));
  }
  for (const kind of ["mouseout", "focusout"]) {
    document.addEventListener(kind, (event) => sourceOf(event) && light(held && held.isConnected ? held : null));
  }

  function hold(source) {
    held = held === source ? null : source;
    light(held || source);
  }

  document.addEventListener("click", (event) => {
    if (sourceOf(event)) hold(sourceOf(event));
    const reading = event.target.closest && event.target.closest(".gk-reading");
    if (reading && event.target.closest(".gk-reset")) {
      each(reading, "input[type=range]", (one) => { one.value = one.defaultValue; set(one); });
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { held = null; light(null); }
    const source = sourceOf(event);
    if (source && source.tagName !== "BUTTON" && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      hold(source);
    }
  });

  function set(input) {
    const reading = input.closest(".gk-reading");
    const key = input.dataset.set;
    reading.style.setProperty("--" + key, key === "zoom" ? input.value : input.value / 100);
  }
  document.addEventListener("input", (event) => {
    const input = event.target;
    if (!input.closest || !input.closest(".gk-reading")) return;
    if (input.dataset.set) set(input);
    if (input.dataset.show) {
      const reading = input.closest(".gk-reading");
      const kind = input.dataset.show;
      if (kind === "regions") reading.classList.toggle("gk-show-regions", input.checked);
      if (kind === "boxes") reading.classList.toggle("gk-hide-boxes", !input.checked);
    }
  });
})();
