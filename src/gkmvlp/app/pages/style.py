"""The style sheet of the result page. Pictures stand on white in both schemes: plots are drawn in dark ink."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5b6676; --page: #fbfbfa; --card: #fff; --line: #dfe3e8;
  --main: #0b6e8f; --warn: #7a4b00; --warn-page: #fff3d9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa6b5; --page: #14181d; --card: #1c2229;
  --line: #333c47; --main: #5cc0e0; --warn: #ffd58a; --warn-page: #3a2c10; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, "Segoe UI", "DejaVu Sans",
  sans-serif; }
main { max-width: 1320px; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
.banner { position: sticky; top: 0; z-index: 10; padding: .5rem 1.25rem; text-align: center; font-weight: 600;
  color: var(--warn); background: var(--warn-page); border-bottom: 1px solid var(--line); }
@media (max-width: 820px) { .banner { padding: .35rem .75rem; font-size: .8rem; line-height: 1.3; } }
h1 { font-size: 1.75rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line);
  scroll-margin-top: 3rem; }
section { scroll-margin-top: 3rem; }
.facts { color: var(--soft); display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .25rem 0 1rem; }
.facts b { font-weight: 600; color: var(--ink); }
nav { display: flex; flex-wrap: wrap; gap: .4rem; }
nav a { padding: .15rem .7rem; border: 1px solid var(--line); border-radius: 1rem; color: var(--main);
  text-decoration: none; background: var(--card); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: .75rem; margin: 1rem 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem;
  display: flex; flex-direction: column; }
.tile span, .tile small { color: var(--soft); }
.tile strong { font-size: 1.7rem; line-height: 1.3; font-variant-numeric: tabular-nums; color: var(--main); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .6rem; background: var(--card);
  margin: .75rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); white-space: nowrap; }
th, td { padding: .4rem .75rem; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody tr:last-child td { border-bottom: 0; }
.figures td { white-space: nowrap; }
.figures th, .figures td { padding: .35rem .5rem; font-size: .8rem; }
td.num { text-align: right; }
.bar { display: block; margin-top: .15rem; }
.bar .axis { stroke: var(--line); stroke-width: 2; }
.bar .range { stroke: var(--main); stroke-width: 4; opacity: .45; }
.bar .baseline { stroke: var(--soft); stroke-width: 2; }
.bar circle { fill: var(--main); }
.notes { color: var(--soft); font-size: .85rem; margin: .25rem 0 1rem; }
ul.notes { padding-left: 1.2rem; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--main); }
.agree { color: #1d7a3a; } .differ { color: #c02f1d; text-decoration: underline; }
@media (prefers-color-scheme: dark) { .agree { color: #7fd49a; } .differ { color: #ff9d8f; } }
.reports td { min-width: 14rem; } .reports td:first-child, .reports td:last-child { min-width: 0; }
figure { margin: 1rem 0; background: #fff; border: 1px solid var(--line); border-radius: .6rem; padding: .75rem;
  text-align: center; }
figure img { max-width: 100%; height: auto; }
.answers { display: grid; grid-template-columns: repeat(auto-fill, minmax(256px, 1fr)); gap: .75rem; }
.answers figure { margin: 0; overflow-wrap: anywhere; }
.answers .agree { color: #1d7a3a; } .answers .differ { color: #c02f1d; }
figcaption { color: #47515f; font-size: .85rem; margin-top: .4rem; text-align: left; }
@media print { .banner { position: static; } nav { display: none; } }
"""
