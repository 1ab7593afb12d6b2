// A small bar chart of round trips, newest at the right.

const NAMESPACE = "http://www.w3.org/2000/svg";

/** Milliseconds, as short as is honest: browsers count in tenths. */
export const inWords = (time) => (time === undefined ? "–" : `${time.toFixed(time < 100 ? 1 : 0)} ms`);

/** The value that `share` of the sorted `times` are not above. */
export const quantile = (times, share) => times[Math.min(times.length - 1, Math.floor(times.length * share))];

/** Draws the last `count` of `{ time, kind }`; the `kind` becomes the class of the bar. */
export function drawChart(svg, points, count) {
  const shown = points.slice(-count);
  const times = shown.map((point) => point.time).sort((a, b) => a - b);
  // One slow answer among many must not make the others invisible: it is cut off at the top.
  const top = Math.max(1, 1.25 * (quantile(times, 0.95) ?? 0));
  svg.setAttribute("viewBox", `0 0 ${count} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  const bars = shown.map(({ time, kind }, index) => {
    const height = Math.max(1, Math.min(100, (100 * time) / top));
    const bar = document.createElementNS(NAMESPACE, "rect");
    bar.setAttribute("x", count - shown.length + index + 0.1);
    bar.setAttribute("y", 100 - height);
    bar.setAttribute("width", 0.8);
    bar.setAttribute("height", height);
    bar.setAttribute("class", kind);
    return bar;
  });
  svg.replaceChildren(...bars);
  svg.setAttribute(
    "aria-label",
    times.length === 0
      ? "no round trips yet"
      : `the last ${times.length} round trips, ${inWords(times[0])} to ${inWords(times.at(-1))}`,
  );
  return top;
}
