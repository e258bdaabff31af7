"""The style sheet of a report's page: light or dark as the reader's system is, and one column on a phone."""

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1c1c1c; --pale: #5c5c5c; --rule: #ddd; --alarm: #b00020;
  --c0: #0b62a8; --c1: #a34a00; --c2: #1d7a3a; --c3: #7a3aa0; --s1: #fff0b8; --s2: #ffc9a3; --s3: #ff9d9d; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #161616; --ink: #e6e6e6; --pale: #a8a8a8; --rule: #3a3a3a; --alarm: #ff8a8a;
    --c0: #6db7f2; --c1: #f0a15e; --c2: #74d08f; --c3: #c79be8; --s1: #4a4212; --s2: #6b3a12; --s3: #8c1f24; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 48rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1, h2, h3 { line-height: 1.25; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--rule); }
h3 { font-size: 1rem; margin-bottom: .25rem; }
table { border-collapse: collapse; }
th, td { padding: .15rem .75rem .15rem 0; text-align: left; vertical-align: top; }
th { color: var(--pale); font-weight: normal; overflow-wrap: break-word; }
.wide { overflow-x: auto; }
.wide td { white-space: nowrap; }
.trouble { color: var(--alarm); font-weight: bold; }
.text { white-space: pre-wrap; border-left: 3px solid var(--rule); padding-left: .75rem; }
.s1 { background: var(--s1); } .s2 { background: var(--s2); } .s3 { background: var(--s3); }
.chart { display: block; width: 100%; max-width: 40rem; }
svg text { font: 13px system-ui, sans-serif; fill: var(--pale); }
@media (max-width: 30rem) { .chart text { font-size: 16px; } }
.heat text { font: 12px ui-monospace, monospace; fill: var(--ink); }
.heat rect { fill: var(--c0); stroke: var(--rule); }
.grid { stroke: var(--rule); fill: none; }
.line { fill: none; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); } .c3 { stroke: var(--c3); }
.past { stroke: var(--ink); stroke-width: 1.2; }
.band { fill: var(--c0); fill-opacity: .2; }
.dot { fill: var(--ground); stroke: var(--ink); stroke-width: 2; }
.served { fill: var(--ink); }
"""
