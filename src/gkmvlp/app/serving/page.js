// Answers come beside the question and go to their place in the readings: nothing else of the page is drawn anew, so
// that what is lit, enlarged or unfolded stays. Without a reading in sight they stay where they came.
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const inside = (records, place) => records.some((one) => one.target.closest && one.target.closest(place));

  new MutationObserver((records) => {
    if (inside(records, "#gk-asked")) {
      const fresh = all("#gk-asked .gk-answers:not([hidden])"), places = all("#gk-shown .gk-answers");
      if (fresh.length === places.length) {
        fresh.forEach((one, n) => { places[n].innerHTML = one.innerHTML; one.hidden = true; });
      }
    } else if (inside(records, "#gk-shown") && !records.some((one) => one.target.closest(".gk-answers"))) {
      all("#gk-asked .gk-answers, #gk-asked .gk-notice").forEach((one) => { one.hidden = true; }); // of another reading
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
