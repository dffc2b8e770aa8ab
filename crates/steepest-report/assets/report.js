'use strict';
// Draws the charts of this page. Names come as data and are set as text, never as markup.
const NS = 'http://www.w3.org/2000/svg';
const charts = JSON.parse(document.getElementById('charts').textContent);
const root = document.documentElement;

function make(name, attributes, parent, text) {
  const element = document.createElementNS(NS, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
}

function html(name, attributes, parent, text) {
  const element = document.createElement(name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
}

const colour = (i) => `var(--c${i % 10})`;
const colourOf = (chart, i) => colour(chart.series[i].colour ?? i);
const shorten = (text, most) => (text.length > most ? text.slice(0, most - 1) + '…' : text);

function number(x) {
  if (x === null || x === undefined || !isFinite(x)) return 'none';
  if (x === 0) return '0';
  const size = Math.abs(x);
  if (size >= 1e6 || size < 1e-4) return x.toExponential(2).replace('e+', 'e').replace(/\.?0+e/, 'e');
  return String(Number(x.toPrecision(4)));
}

// What is counted, and has no fractions.
const WHOLE = ['epoch', 'step', 'rows'];

// About `most` round numbers between two values, no fractions if they are to be whole.
function ticks(low, high, most, whole) {
  const raw = Math.max((high - low) / most, whole ? 1 : 0);
  if (!(raw > 0) || !isFinite(raw)) return [low];
  const power = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) found.push(i * step);
  return found;
}

function logTicks(low, high) {
  const found = [];
  const linear = () => ticks(Math.pow(10, low), Math.pow(10, high), 5).filter((tick) => tick > 0).map(Math.log10);
  // less than two decades: 1, 2, 5 of each
  if (high - low < 2) {
    for (let e = Math.floor(low); e <= high; e += 1) for (const m of [1, 2, 5]) {
      const tick = e + Math.log10(m);
      if (tick >= low - 1e-9 && tick <= high + 1e-9) found.push(tick);
    }
    return found.length > 1 ? found : linear();
  }
  const every = Math.max(1, Math.ceil((high - low) / 7));
  for (let e = Math.ceil(low - 1e-9); e <= high + 1e-9; e += every) found.push(e);
  return found.length > 1 ? found : linear();
}

function frame(figure, title, height) {
  const width = Math.max(300, Math.min(1000, figure.clientWidth - 26));
  const svg = make('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title, tabindex: '0' });
  figure.appendChild(svg);
  return { svg, width, height, left: 74, right: width - 14, top: 12, bottom: height - 42 };
}

function axes(f, x, y, names) {
  const at = (scale, value) => scale.to[0] + ((value - scale.from[0]) / (scale.from[1] - scale.from[0])) * (scale.to[1] - scale.to[0]);
  const grid = make('g', {}, f.svg);
  for (const tick of y.log ? logTicks(...y.from) : ticks(y.from[0], y.from[1], 6, WHOLE.includes(names[1]))) {
    const py = at(y, tick);
    make('path', { class: 'rule', d: `M${f.left} ${py}H${f.right}` }, grid);
    make('text', { x: f.left - 8, y: py + 4, 'text-anchor': 'end' }, grid, number(y.log ? Math.pow(10, tick) : tick));
  }
  for (const tick of ticks(x.from[0], x.from[1], f.width < 500 ? 4 : 8, WHOLE.includes(names[0]))) {
    const px = at(x, tick);
    make('path', { class: 'axis', d: `M${px} ${f.bottom}v5` }, grid);
    // not cut off at the end of the axis
    const label = number(tick);
    make('text', { x: Math.min(px, f.width - 4 * label.length - 1), y: f.bottom + 18, 'text-anchor': 'middle' }, grid, label);
  }
  make('path', { class: 'axis', d: `M${f.left} ${f.top}V${f.bottom}H${f.right}` }, grid);
  make('text', { x: (f.left + f.right) / 2, y: f.height - 6, 'text-anchor': 'middle' }, grid, names[0]);
  if (names[1]) make('text', { x: -(f.top + f.bottom) / 2, y: 13, 'text-anchor': 'middle', transform: 'rotate(-90)' }, grid, names[1]);
  return at;
}

function span(values) {
  let low = Infinity, high = -Infinity;
  for (const v of values) if (v !== null && isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); }
  if (low > high) return [0, 1];
  if (low === high) { const room = Math.abs(low) * 0.1 || 1; return [low - room, high + room]; }
  return [low, high];
}

// An exponential mean that does not pull the beginning towards 0.
function smoothed(points, amount) {
  if (!amount) return points;
  let mean = 0, weight = 0;
  return points.map(([x, y]) => {
    if (y === null) return [x, y];
    mean = amount * mean + (1 - amount) * y;
    weight = amount * weight + (1 - amount);
    return [x, mean / weight];
  });
}

function lines(figure, chart, tools, tip) {
  const state = { log: chart.log, smooth: 0, zoom: null, off: new Set() };
  const redraw = () => { figure.querySelector('svg').remove(); draw(); };
  const keys = chart.series.length > 1;
  chart.series.forEach((series, i) => {
    if (!keys) return;
    const button = html('button', { type: 'button', 'aria-pressed': 'true' }, tools);
    html('span', { class: 'key', style: `background:${colourOf(chart, i)}` }, button);
    button.append(series.name);
    button.addEventListener('click', () => {
      if (state.off.has(i)) state.off.delete(i); else state.off.add(i);
      button.setAttribute('aria-pressed', String(!state.off.has(i)));
      redraw();
    });
  });
  if (!chart.unit) {
    const log = html('label', {}, tools);
    const box = html('input', { type: 'checkbox' }, log);
    box.checked = state.log;
    log.append('log scale');
    box.addEventListener('change', () => { state.log = box.checked; redraw(); });
    const smooth = html('label', {}, tools, 'smooth ');
    const range = html('input', { type: 'range', min: '0', max: '0.98', step: '0.02', value: '0' }, smooth);
    range.addEventListener('input', () => { state.smooth = Number(range.value); redraw(); });
    const reset = html('button', { type: 'button' }, tools, 'whole range');
    reset.addEventListener('click', () => { state.zoom = null; redraw(); });
  }

  function draw() {
    const f = frame(figure, chart.title, 320);
    figure.insertBefore(f.svg, tools);
    const value = (y) => (y === null ? null : state.log ? (y > 0 ? Math.log10(y) : null) : y);
    const seen = chart.series.map((series, i) => (state.off.has(i) ? [] : smoothed(series.points, state.smooth).map(([x, y]) => [x, value(y)])));
    const xs = state.zoom || (chart.unit ? [0, 1] : span(seen.flatMap((points) => points.map((p) => p[0]))));
    const inside = seen.flatMap((points) => points.filter((p) => p[0] >= xs[0] && p[0] <= xs[1]).map((p) => p[1]));
    const ys = chart.unit ? [0, 1] : span(inside);
    const x = { from: xs, to: [f.left, f.right] };
    const y = { from: ys, to: [f.bottom, f.top], log: state.log };
    const at = axes(f, x, y, [chart.x, chart.y]);
    const clip = 'clip' + figure.dataset.chart;
    const defs = make('clipPath', { id: clip }, f.svg);
    // room for the dots at its ends
    make('rect', { x: f.left - 5, y: f.top - 5, width: f.right - f.left + 10, height: f.bottom - f.top + 10 }, defs);
    const plot = make('g', { 'clip-path': `url(#${clip})` }, f.svg);
    if (chart.diagonal) make('path', { class: 'axis', d: `M${at(x, 0)} ${at(y, 0)}L${at(x, 1)} ${at(y, 1)}`, 'stroke-dasharray': '4 4' }, plot);
    seen.forEach((points, i) => {
      let path = '', pen = false;
      for (const [px, py] of points) {
        if (px === null || py === null) { pen = false; continue; }
        path += `${pen ? 'L' : 'M'}${at(x, px).toFixed(1)} ${at(y, py).toFixed(1)}`;
        pen = true;
      }
      make('path', { d: path, fill: 'none', style: `stroke:${colourOf(chart, i)}`, 'stroke-width': '1.8', 'stroke-linejoin': 'round' }, plot);
      // few points are dots, and one is no line
      if (points.length <= 12) for (const [px, py] of points) if (py !== null) make('circle', { cx: at(x, px), cy: at(y, py), r: 3.5, style: `fill:${colourOf(chart, i)}` }, plot);
    });
    hover(f, x, y, at, seen, plot);
  }

  function hover(f, x, y, at, seen, plot) {
    const line = make('path', { class: 'axis', d: '', 'stroke-dasharray': '2 3' }, plot);
    const band = make('rect', { y: f.top, height: f.bottom - f.top, width: 0, style: 'fill:var(--accent)', 'fill-opacity': '.18' }, plot);
    const place = (event) => {
      const box = f.svg.getBoundingClientRect();
      const px = Math.min(f.right, Math.max(f.left, ((event.clientX - box.left) / box.width) * f.width));
      return { px, value: x.from[0] + ((px - f.left) / (f.right - f.left)) * (x.from[1] - x.from[0]) };
    };
    let from = null;
    f.svg.addEventListener('pointerdown', (event) => { if (!chart.unit) from = place(event); });
    f.svg.addEventListener('pointermove', (event) => {
      const here = place(event);
      line.setAttribute('d', `M${here.px} ${f.top}V${f.bottom}`);
      if (from) {
        band.setAttribute('x', Math.min(from.px, here.px));
        band.setAttribute('width', Math.abs(from.px - here.px));
      }
      const rows = [];
      seen.forEach((points, i) => {
        let best = null;
        for (const p of points) if (p[0] !== null && p[1] !== null && (!best || Math.abs(p[0] - here.value) < Math.abs(best[0] - here.value))) best = p;
        if (best) rows.push([i, best]);
      });
      if (!rows.length) return;
      tip.textContent = '';
      html('div', {}, tip, `${chart.x} ${number(rows[0][1][0])}`);
      for (const [i, p] of rows.slice(0, 10)) {
        const row = html('div', {}, tip);
        html('span', { class: 'key', style: `background:${colourOf(chart, i)}` }, row);
        row.append(`${shorten(chart.series[i].name, 30)} ${number(state.log ? Math.pow(10, p[1]) : p[1])}`);
      }
      tip.style.display = 'block';
      const box = figure.getBoundingClientRect();
      tip.style.left = Math.max(4, Math.min(box.width - tip.offsetWidth - 4, event.clientX - box.left + 14)) + 'px';
      tip.style.top = event.clientY - box.top + 14 + 'px';
    });
    const leave = () => { tip.style.display = 'none'; line.setAttribute('d', ''); from = null; band.setAttribute('width', 0); };
    f.svg.addEventListener('pointerleave', leave);
    f.svg.addEventListener('pointerup', (event) => {
      const here = place(event);
      if (from && Math.abs(from.px - here.px) > 6) {
        state.zoom = [Math.min(from.value, here.value), Math.max(from.value, here.value)];
        leave();
        redraw();
        return;
      }
      from = null;
      band.setAttribute('width', 0);
    });
    f.svg.addEventListener('dblclick', () => { state.zoom = null; redraw(); });
  }
  draw();
}

// From dark blue by green to yellow, in the order of lightness (after viridis).
function heatColour(part) {
  const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  const t = Math.min(0.9999, Math.max(0, part)) * 4;
  const i = Math.floor(t);
  const mix = stops[i].map((c, k) => Math.round(c + (stops[i + 1][k] - c) * (t - i)));
  return `rgb(${mix.join(',')})`;
}

function heat(figure, chart, tools, tip) {
  const room = Math.min(22, Math.max(9, 440 / Math.max(1, chart.rows.length)));
  const f = frame(figure, chart.title, chart.rows.length * room + 60);
  figure.insertBefore(f.svg, tools);
  const names = Math.min(190, f.width * 0.35);
  const logs = chart.cells.map((row) => row.map((v) => (v > 0 ? Math.log10(v) : null)));
  const [low, high] = span(logs.flat());
  const count = chart.columns.length;
  const wide = (f.right - names) / Math.max(1, count);
  chart.rows.forEach((name, r) => {
    if (room >= 11) make('text', { x: names - 8, y: 12 + r * room + room / 2 + 4, 'text-anchor': 'end' }, f.svg, shorten(name, Math.floor(names / 7)));
    for (let c = 0; c < count; c += 1) {
      const v = logs[r][c];
      const cell = { x: names + c * wide, y: 12 + r * room, width: wide + 0.4, height: room - 1 };
      if (v !== null) make('rect', { ...cell, fill: heatColour((v - low) / (high - low)) }, f.svg);
      const mark = chart.marks[r][c];
      if (mark && mark !== ' ') make('rect', { x: cell.x, y: cell.y, width: Math.max(2, wide), height: 4, fill: mark === '+' ? '#d61f1f' : '#ffffff', stroke: '#1f2933', 'stroke-width': '.6' }, f.svg);
    }
  });
  const bottom = 12 + chart.rows.length * room;
  const steps = Math.max(1, Math.ceil(count / 8));
  for (let c = 0; c < count; c += steps) make('text', { x: names + (c + 0.5) * wide, y: bottom + 16, 'text-anchor': 'middle' }, f.svg, number(chart.columns[c]));
  make('text', { x: (names + f.right) / 2, y: bottom + 34, 'text-anchor': 'middle' }, f.svg, chart.x);
  f.svg.addEventListener('pointermove', (event) => {
    const box = f.svg.getBoundingClientRect();
    const px = ((event.clientX - box.left) / box.width) * f.width, py = ((event.clientY - box.top) / box.height) * f.height;
    const c = Math.floor((px - names) / wide), r = Math.floor((py - 12) / room);
    if (c < 0 || c >= count || r < 0 || r >= chart.rows.length) { tip.style.display = 'none'; return; }
    const mark = { '+': ', exploded', '-': ', vanished' }[chart.marks[r][c]] || '';
    tip.textContent = `${shorten(chart.rows[r], 40)}, ${chart.x} ${number(chart.columns[c])}: ${number(chart.cells[r][c])}${mark}`;
    tip.style.display = 'block';
    const own = figure.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(own.width - 266, event.clientX - own.left + 14)) + 'px';
    tip.style.top = event.clientY - own.top + 14 + 'px';
  });
  f.svg.addEventListener('pointerleave', () => { tip.style.display = 'none'; });
  const legend = html('span', {}, tools, number(Math.pow(10, low)));
  html('span', { class: 'ramp', style: `background:linear-gradient(90deg,${[0, 0.25, 0.5, 0.75, 1].map(heatColour)})` }, legend);
  legend.append(number(Math.pow(10, high)));
  for (const [mark, fill, meaning] of [['+', '#d61f1f', 'exploded'], ['-', '#ffffff', 'vanished']]) {
    if (!chart.marks.some((row) => row.includes(mark))) continue;
    html('span', { class: 'mark', style: `background:${fill}` }, legend);
    legend.append(meaning);
  }
}

function matrix(figure, chart, tools) {
  const n = chart.names.length;
  const room = Math.max(300, Math.min(1000, figure.clientWidth - 26));
  const names = Math.min(150, room * 0.28);
  const size = Math.min(n <= 6 ? 64 : 40, (room - names - 20) / n, 470 / n);
  // names that are wider than a column stand upright
  const upright = chart.names.some((name) => name.length * 7 > size - 4);
  const head = upright ? 14 + 7 * Math.min(14, Math.max(...chart.names.map((name) => name.length))) : 40;
  const f = frame(figure, chart.title, head + 10 + n * size);
  figure.insertBefore(f.svg, tools);
  const sums = chart.cells.map((row) => row.reduce((a, b) => a + b, 0) || 1);
  chart.cells.forEach((row, r) => {
    if (size >= 11) make('text', { x: names - 8, y: head + (r + 0.5) * size + 4, 'text-anchor': 'end' }, f.svg, shorten(chart.names[r], Math.floor((names - 10) / 7.5)));
    row.forEach((count, c) => {
      const part = count / sums[r];
      const cell = make('rect', { x: names + c * size, y: head + r * size, width: size - 1, height: size - 1, style: `fill:var(--${r === c ? 'c2' : 'c1'})`, 'fill-opacity': (0.06 + 0.84 * part).toFixed(3) }, f.svg);
      make('title', {}, cell, `${chart.names[r]} taken for ${chart.names[c]}: ${count}`);
      if (size >= 15 && count && String(count).length * 7 < size) {
        const ink = part > 0.55 ? 'fill:var(--ground)' : 'fill:var(--ink)';
        make('text', { x: names + (c + 0.5) * size, y: head + (r + 0.5) * size + 4, 'text-anchor': 'middle', style: ink }, f.svg, String(count));
      }
    });
    if (size < 11) return;
    const x = names + (r + 0.5) * size;
    const place = upright ? { transform: `translate(${x + 4} ${head - 8}) rotate(-90)` } : { x, y: head - 10, 'text-anchor': 'middle' };
    make('text', place, f.svg, shorten(chart.names[r], upright ? 14 : Infinity));
  });
  html('span', {}, tools, 'rows: what it is; columns: what it was taken for');
}

function points(figure, chart, tools) {
  const f = frame(figure, chart.title, 380);
  figure.insertBefore(f.svg, tools);
  const all = span(chart.points.flat());
  const x = { from: all, to: [f.left, f.right] }, y = { from: all, to: [f.bottom, f.top] };
  const at = axes(f, x, y, [chart.x, chart.y]);
  make('path', { class: 'axis', 'stroke-dasharray': '4 4', d: `M${at(x, all[0])} ${at(y, all[0])}L${at(x, all[1])} ${at(y, all[1])}` }, f.svg);
  for (const [a, b] of chart.points) make('circle', { cx: at(x, a).toFixed(1), cy: at(y, b).toFixed(1), r: 2.6, style: 'fill:var(--c0)', 'fill-opacity': '.45' }, f.svg);
}

function bars(figure, chart, tools) {
  const f = frame(figure, chart.title, 260);
  figure.insertBefore(f.svg, tools);
  const x = { from: [chart.edges[0], chart.edges[chart.edges.length - 1]], to: [f.left, f.right] };
  const y = { from: [0, Math.max(1, ...chart.counts)], to: [f.bottom, f.top] };
  const at = axes(f, x, y, [chart.x, 'rows']);
  chart.counts.forEach((count, i) => {
    const bar = make('rect', { x: at(x, chart.edges[i]) + 0.5, width: Math.max(1, at(x, chart.edges[i + 1]) - at(x, chart.edges[i]) - 1), y: at(y, count), height: f.bottom - at(y, count), style: 'fill:var(--c0)' }, f.svg);
    make('title', {}, bar, `${number(chart.edges[i])} to ${number(chart.edges[i + 1])}: ${count}`);
  });
}

// A picture as a file: colours and type as they are now, so that it stands by itself.
function standalone(svg) {
  const copy = svg.cloneNode(true);
  copy.setAttribute('xmlns', NS);
  const style = getComputedStyle(root);
  const variable = (text) => text.replace(/var\((--[a-z0-9-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
  const ink = style.getPropertyValue('--faint').trim(), rule = style.getPropertyValue('--rule').trim();
  for (const element of copy.querySelectorAll('*')) if (element.hasAttribute('style')) element.setAttribute('style', variable(element.getAttribute('style')));
  const [x, y, width, height] = svg.getAttribute('viewBox').split(' ').map(Number);
  copy.setAttribute('width', width);
  copy.setAttribute('height', height);
  const look = make('style', {}, null, `text{fill:${ink};font:12px system-ui,sans-serif}.rule{stroke:${rule};fill:none}.axis{stroke:${ink};fill:none}`);
  const ground = make('rect', { x, y, width, height, fill: style.getPropertyValue('--panel').trim() });
  copy.prepend(look, ground);
  return { text: new XMLSerializer().serializeToString(copy), width, height };
}

function save(blob, name) {
  const link = html('a', { href: URL.createObjectURL(blob), download: name }, document.body);
  link.click();
  link.remove();
}

function savers(figure, title, tools) {
  const name = title.toLowerCase().replace(/[^a-z0-9]+/g, '-').slice(0, 40) || 'chart';
  html('button', { type: 'button' }, tools, 'SVG').addEventListener('click', () => {
    save(new Blob([standalone(figure.querySelector('svg')).text], { type: 'image/svg+xml' }), name + '.svg');
  });
  html('button', { type: 'button' }, tools, 'PNG').addEventListener('click', () => {
    const { text, width, height } = standalone(figure.querySelector('svg'));
    const image = new Image();
    image.onload = () => {
      const canvas = html('canvas', { width: 2 * width, height: 2 * height });
      canvas.getContext('2d').drawImage(image, 0, 0, 2 * width, 2 * height);
      canvas.toBlob((blob) => save(blob, name + '.png'));
    };
    image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(text);
  });
}

const drawers = { lines, heat, matrix, points, bars };
function drawAll() {
  for (const figure of document.querySelectorAll('figure[data-chart]')) {
    const chart = charts[Number(figure.dataset.chart)];
    figure.querySelectorAll('svg, .tools, .tip').forEach((old) => old.remove());
    const tools = html('div', { class: 'tools' }, figure);
    const tip = html('div', { class: 'tip' }, figure);
    drawers[chart.kind](figure, chart, tools, tip);
    savers(figure, chart.title, tools);
  }
}

root.dataset.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
document.getElementById('theme').addEventListener('click', () => {
  root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
});
drawAll();
for (const figure of document.querySelectorAll('figure.picture')) {
  savers(figure, figure.querySelector('figcaption').textContent, html('div', { class: 'tools' }, figure));
}
let wide = innerWidth;
addEventListener('resize', () => { if (innerWidth !== wide) { wide = innerWidth; drawAll(); } });
