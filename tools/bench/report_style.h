#ifndef FAIRLEAD_TOOLS_BENCH_REPORT_STYLE_H_
#define FAIRLEAD_TOOLS_BENCH_REPORT_STYLE_H_

namespace fairlead::bench {

// The look of a report: the colours of tools/dashboards, light and dark.
inline constexpr char kReportStyle[] = R"css(
:root {
  --page: #f6f7f9; --card: #ffffff; --ink: #17202a; --soft: #5b6673; --rule: #e3e7ec; --grid: #e9edf1;
  --bad: #b3261e; --warning: #9a5b00; --good: #1b7a4b;
  --s0: #0072b2; --s1: #e08214; --s2: #009e73; --s3: #c2579a; --s4: #4fb0e5; --s5: #b8420f; --s6: #6a4fa3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #11151a; --card: #191f26; --ink: #e8ecf1; --soft: #9aa6b2; --rule: #2a323c; --grid: #262e37;
    --bad: #ff8a80; --warning: #ffb74d; --good: #6fd6a2;
    --s0: #4ea5dd; --s1: #f2a14a; --s2: #2fc79b; --s3: #e08bc2; --s4: #9ad4f5; --s5: #ee7b4a; --s6: #a68fdf;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 1440px; padding: 20px 24px 32px; background: var(--page); color: var(--ink);
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
h1 { margin: 0; font-size: 22px; font-weight: 650; letter-spacing: -.01em; }
h2 { margin: 0; font-size: 14px; font-weight: 650; }
.soft { color: var(--soft); font-size: 12.5px; margin: 4px 0; }
.warning { color: var(--warning); margin: 4px 0; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 14px 16px; margin: 12px 0 0; overflow-x: auto; }
summary { cursor: pointer; font-weight: 650; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(520px, 1fr)); gap: 12px; margin-top: 12px; }
.plots .card { margin: 0; }
table { width: 100%; border-collapse: collapse; margin-top: 8px; }
th { font-size: 12px; font-weight: 500; color: var(--soft); text-align: left; padding: 4px 14px 4px 0; }
td { padding: 5px 14px 5px 0; border-top: 1px solid var(--rule); vertical-align: top; }
tr.met .verdict { color: var(--good); font-weight: 650; }
tr.missed .verdict { color: var(--bad); font-weight: 650; }
tr.noise td { color: var(--soft); }
svg { display: block; width: 100%; height: auto; margin-top: 4px; }
svg text { fill: var(--soft); font-size: 11.5px; }
.grid { stroke: var(--grid); stroke-width: 1; }
.axis { stroke: var(--rule); stroke-width: 1; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.dashed { stroke-dasharray: 5 4; }
.range { stroke-width: 1.5; opacity: .5; }
.mark { stroke: var(--card); stroke-width: 1.5; }
.s0 { fill: var(--s0); } .s1 { fill: var(--s1); } .s2 { fill: var(--s2); } .s3 { fill: var(--s3); }
.s4 { fill: var(--s4); } .s5 { fill: var(--s5); } .s6 { fill: var(--s6); }
.line.s0, .range.s0 { stroke: var(--s0); } .line.s1, .range.s1 { stroke: var(--s1); }
.line.s2, .range.s2 { stroke: var(--s2); } .line.s3, .range.s3 { stroke: var(--s3); }
.line.s4, .range.s4 { stroke: var(--s4); } .line.s5, .range.s5 { stroke: var(--s5); }
.line.s6, .range.s6 { stroke: var(--s6); }
.line { fill: none !important; }
.legend { list-style: none; margin: 8px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 12.5px; }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 6px; }
.key.s0 { background: var(--s0); } .key.s1 { background: var(--s1); } .key.s2 { background: var(--s2); }
.key.s3 { background: var(--s3); } .key.s4 { background: var(--s4); } .key.s5 { background: var(--s5); }
.key.s6 { background: var(--s6); }
)css";

}  // namespace fairlead::bench

#endif  // FAIRLEAD_TOOLS_BENCH_REPORT_STYLE_H_
