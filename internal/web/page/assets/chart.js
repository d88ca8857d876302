// What the pages do in a browser that runs scripts. Everything is there without it: the
// server makes each page, with its charts, from its address. This draws the charts so
// that they answer to the pointer and the keys, puts the next view in the place of the
// one before without loading the page anew, and lets the reader choose light or dark.
(() => {
'use strict';
const root = document.documentElement;
const $ = id => document.getElementById(id);
const listen = (type, act) => document.addEventListener(type, act);
const day = 86400;
const make = (name, attributes = {}, ...children) => {
  const e = document.createElement(name);
  for (const key in attributes) e.setAttribute(key, attributes[key]);
  e.append(...children);
  return e;
};

// This file is loaded before the page is drawn, so that the theme does not flash.
const themes = { auto: '◐', light: '○', dark: '●' };
let theme = 'auto';
try { theme = localStorage.getItem('theme') ?? theme; } catch { /* it lasts as long as the page */ }
const showTheme = () => {
  if (!themes[theme]) theme = 'auto';
  if (theme === 'auto') delete root.dataset.theme; else root.dataset.theme = theme;
  const button = $('theme');
  if (!button) return;
  button.hidden = false;
  button.textContent = themes[theme];
  button.title = 'Theme: ' + theme;
  button.setAttribute('aria-label', button.title);
};
showTheme();
root.classList.add('js');

const exact = n => n.toLocaleString('en');
const short = n => {
  if (n < 1e4) return exact(n);
  let i = 0;
  for (n /= 1e3; n >= 1e3 && i < 3; i++) n /= 1e3;
  return exact(Math.round(n * 10) / 10) + '\u00a0' + 'kMBT'[i];
};
const utc = options => {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });
  return seconds => format.format(seconds * 1000).replace('Sept', 'Sep');
};
const dayOf = utc({ day: 'numeric', month: 'short' }), monthOf = utc({ month: 'short' }), yearOf = utc({ year: 'numeric' });
const dateOf = utc({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
const local = time => new Date(time).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });

// The numbers of a chart, of which the last are kept.
let kept = {};
const numbers = async (url, signal) => {
  if (kept.url !== url) {
    const answer = await fetch(url, { signal });
    if (!answer.ok) throw new Error(url + ' answered ' + answer.status);
    kept = { url, data: await answer.json() };
  }
  return kept.data;
};

// linesOf are the lines of a chart; gap and part are where they are not certain.
const linesOf = (data, sum) => {
  const hidden = new URLSearchParams(location.search).getAll('hide');
  return (sum ? [{ ...data.sum, name: 'Together', others: 0 }] : data.series).map((s, i) => {
    const key = s.others ? 'other' : s.name;
    return { ...s, key, name: s.others ? exact(s.others) + ' others' : s.name, colour: s.others ? 'other' : i + 1,
      off: !sum && hidden.includes(key), gap: new Set(s.gaps), part: new Set(s.partial) };
  });
};

// columnsOf are what is drawn, the first line in front. What is not whole yet is a column
// of its own, which is dashed.
const columnsOf = (shown, stacked, n) => {
  const known = (line, i) => line.values[i] != null && !line.gap.has(i);
  const columns = [], top = Array(n).fill(0);
  for (const line of shown) {
    const only = chosen => line.values.map((v, i) => known(line, i) && chosen(i) ? v : null);
    const part = i => line.part.has(i);
    const beside = i => known(line, i) && part(i);
    if (stacked) {
      line.values.forEach((v, i) => { top[i] += v ?? 0; });
      columns.push({ line, values: top.map((v, i) => shown.some(l => known(l, i)) ? v : null) });
    } else {
      columns.push({ line, dash: [3, 4], values: only(i => part(i) || beside(i - 1) || beside(i + 1)) }, { line, values: only(i => !part(i)) });
    }
  }
  return columns.reverse();
};

const charts = new Map();
const drawAgain = () => { for (const c of [...charts.values()]) c.again(); };

const draw = (figure, data) => {
  charts.get(figure)?.destroy();
  const { view, scale, unit } = figure.dataset;
  const stacked = view === 'stacked', sum = view === 'sum', log = scale === 'log' && !stacked;
  const lines = linesOf(data, sum), shown = lines.filter(l => !l.off);
  const x = data.dates.map(d => Date.parse(d) / 1000), last = x.length - 1;
  const columns = columnsOf(shown, stacked, x.length);
  const style = getComputedStyle(figure), rem = parseFloat(style.fontSize) / 16, font = 12 * rem + 'px ' + style.fontFamily;
  const colour = name => style.getPropertyValue('--chart-' + name).trim();
  const pushes = data.pushes.map(p => ({ name: p.namespace + '/' + p.name, at: Date.parse(p.last_updated) / 1000 }))
    .filter(p => sum || shown.some(l => l.key === p.name));
  const pushesOf = i => pushes.filter(p => p.at >= x[i] && p.at < x[i] + day);

  const canvas = make('div', { class: 'canvas', tabindex: 0, role: 'application', 'aria-roledescription': 'chart',
    'aria-label': `${unit} from ${data.dates[0]} to ${data.dates[last]}; the left and right keys go from day to day` });
  const tip = make('div', { class: 'tip', hidden: '' });
  const said = make('div', { class: 'unseen', 'aria-live': 'polite' });
  const legend = make('div', { class: 'legend', role: 'group', 'aria-label': 'Lines' });
  const box = make('div', { class: 'live' }, make('p', { class: 'unit' }, unit + (log ? ', logarithmic scale' : '')), canvas, tip, legend, said);
  figure.querySelector('.live')?.remove();
  figure.append(box);
  figure.classList.add('drawn-live');

  // What is said of a day, most first.
  const told = i => shown.filter(l => l.values[i] != null).sort((a, b) => b.values[i] - a.values[i])
    .map(line => ({ line, text: exact(line.values[i]), note: line.gap.has(i) ? 'estimated' : line.part.has(i) ? 'in part' : '' }));
  const showTip = u => {
    const i = u.cursor.idx;
    tip.hidden = i == null || u.cursor.left < 0;
    if (tip.hidden) return;
    const row = (name, cls, text, note) => make('tr', {}, make('th', { scope: 'row', class: cls }, make('span', {}, name)), make('td', { class: 'n' }, text), make('td', {}, note));
    const rows = told(i).map(t => row(t.line.name, 'chart-series-' + t.line.colour, t.text, t.note));
    if (!sum && lines.length > 1 && data.sum.values[i] != null) rows.push(row('Together', 'all', exact(data.sum.values[i]), ''));
    tip.replaceChildren(make('b', {}, dateOf(x[i])), make('table', {}, make('tbody', {}, ...rows)),
      ...pushesOf(i).slice(0, 5).map(p => make('p', {}, `▲ ${p.name} pushed ${local(p.at * 1000)}`)));
    const at = u.over.offsetLeft + u.cursor.left, wide = tip.offsetWidth, room = box.clientWidth;
    const left = at + 16 + wide < room ? at + 16 : Math.max(0, at - 16 - wide);
    tip.style.transform = `translate(${Math.round(Math.min(left, room - wide))}px, ${canvas.offsetTop + 8}px)`;
  };

  // Pushes are triangles below the axis; areas that are not whole are faint.
  const extras = ({ ctx, bbox, valToPos }) => {
    const r = devicePixelRatio, bottom = bbox.top + bbox.height;
    ctx.save();
    ctx.globalAlpha = 0.5;
    ctx.fillStyle = style.getPropertyValue('--paper');
    for (const [i, j] of stacked && last ? [[0, 1], [last, last - 1]] : []) {
      const from = valToPos(x[i], 'x', true);
      if (shown.some(l => l.part.has(i))) ctx.fillRect(from, bbox.top, valToPos(x[j], 'x', true) - from, bbox.height);
    }
    ctx.globalAlpha = 1;
    const many = pushes.length > bbox.width / r / 20; // triangles would be one band
    for (const p of pushes) {
      const at = valToPos(p.at, 'x', true);
      if (at < bbox.left - 1 || at > bbox.left + bbox.width + 1) continue;
      ctx.fillStyle = colour(lines.find(l => l.key === p.name)?.colour ?? 'soft');
      if (many) {
        ctx.fillRect(at, bottom + r, r, 6 * r);
        continue;
      }
      ctx.beginPath();
      ctx.moveTo(at, bottom + r);
      ctx.lineTo(at + 3.5 * r, bottom + 7 * r);
      ctx.lineTo(at - 3.5 * r, bottom + 7 * r);
      ctx.fill();
    }
    ctx.restore();
  };

  const zoom = u => {
    const { left, width } = u.select;
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (width > 7) change(p => {
      p.set('from', data.dates[u.posToIdx(left)]);
      p.set('to', data.dates[u.posToIdx(left + width)]);
      p.delete('page');
    });
  };

  const height = w => Math.round(Math.max(260, Math.min(w * 0.3, innerHeight * 0.5, 720)));
  const width = () => canvas.clientWidth || 300;
  const pad = last ? 0 : day;
  const axis = { stroke: colour('soft'), font, grid: { stroke: colour('line'), width: 1 }, ticks: { show: false } };
  const u = new uPlot({
    width: width(), height: height(width()), legend: { show: false }, padding: [8, 24, 0, 0],
    tzDate: t => uPlot.tzDate(new Date(t * 1000), 'Etc/UTC'),
    scales: {
      x: { range: () => [x[0] - pad, x[last] + pad] },
      y: { distr: log ? 4 : 1, range: (_, _min, max) => [0, log ? 10 ** Math.ceil(Math.log10(Math.max(10, max))) : Math.max(1, max) * 1.05] },
    },
    axes: [{
      ...axis, grid: { show: false }, ticks: { stroke: colour('soft'), width: 1, size: 4 }, size: 36 * rem, gap: 10, space: 76 * rem,
      incrs: [1, 2, 4, 7, 14, 30, 60, 90, 120, 180, 365, 730, 1825].map(d => d * day),
      values: (_, at, _a, _s, step) => at.map((t, i) => {
        if (step >= 365 * day) return yearOf(t);
        return (step < 28 * day ? dayOf : monthOf)(t) + (i && yearOf(t) === yearOf(at[i - 1]) ? '' : ' ' + yearOf(t));
      }),
    }, {
      ...axis, gap: 6, space: 40, values: (_, at) => at.map(short),
      incrs: [...Array(19).keys()].flatMap(e => [1, 2, 5].map(f => f * 10 ** e)),
      size: ({ ctx }, values) => { // as wide as its widest number
        ctx.font = font;
        return Math.ceil(Math.max(28 * rem, ...(values ?? []).map(v => ctx.measureText(v).width))) + 14;
      },
      ...(log && { filter: (_, at) => at, splits: (_, _a, _min, max) => {
        const decades = Math.round(Math.log10(max)), every = Math.ceil(decades / 5), at = [0];
        for (let d = decades % every || every; d <= decades; d += every) at.push(10 ** d);
        return at;
      } }),
    }],
    series: [{}, ...columns.map(({ line, dash, values }) => ({
      stroke: colour(line.colour), width: 1.5, dash, fill: stacked ? colour(line.colour) : undefined,
      // A point without neighbours has no line to be seen by.
      points: { show: true, size: 5, fill: colour(line.colour), filter: () => values.flatMap((v, i) => v != null && values[i - 1] == null && values[i + 1] == null ? [i] : []) },
    }))],
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 7 },
      bind: { dblclick: () => () => { change(p => { p.delete('from'); p.delete('to'); }); return null; } } },
    hooks: { setCursor: [showTip], setSelect: [zoom], draw: [extras] },
  }, [x, ...columns.map(c => c.values)], canvas);

  for (const line of lines.length > 1 ? lines : []) {
    const button = make('button', { type: 'button', class: 'chart-series-' + line.colour, 'aria-pressed': !line.off, id: 'line-' + line.key, title: line.name }, line.name);
    button.onclick = () => change(p => {
      const hidden = p.getAll('hide').filter(h => h !== line.key);
      p.delete('hide');
      for (const h of line.off ? hidden : [...hidden, line.key]) p.append('hide', h);
    });
    legend.append(button);
  }

  const leave = () => u.setCursor({ left: -10, top: -10 });
  canvas.onblur = leave;
  canvas.onkeydown = e => {
    const i = u.cursor.idx;
    let to = { ArrowLeft: (i ?? x.length) - 1, ArrowRight: (i ?? -1) + 1, Home: 0, End: last }[e.key];
    if (e.key === 'Escape') canvas.blur();
    if (to === undefined) return;
    e.preventDefault();
    to = Math.max(0, Math.min(last, to));
    u.setCursor({ left: Math.max(0.01, u.valToPos(x[to], 'x')), top: 10 });
    said.textContent = [dateOf(x[to]), ...told(to).map(t => `${t.line.name} ${t.text} ${t.note}`), ...pushesOf(to).map(p => p.name + ' was pushed')].join('; ');
  };
  const resized = new ResizeObserver(() => { if (width() !== u.width) u.setSize({ width: width(), height: height(width()) }); });
  resized.observe(canvas);
  charts.set(figure, { destroy: () => { resized.disconnect(); u.destroy(); charts.delete(figure); }, again: () => draw(figure, data) });
};

// enhance makes what the server has sent answer to the reader.
const enhance = async () => {
  showTheme();
  for (const t of document.querySelectorAll('time[title]:not([data-utc])')) {
    t.dataset.utc = t.title;
    t.title = local(t.dateTime) + ' here, ' + t.title;
  }
  for (const figure of window.uPlot ? document.querySelectorAll('figure[data-curves]') : []) {
    try {
      const data = await numbers(figure.dataset.curves);
      if (figure.isConnected && data.dates.length) draw(figure, data);
    } catch (e) {
      console.warn('The drawing of the server stays:', e);
    }
  }
};

// visit puts another view in the place of this one; where that fails, the browser goes.
let under;
const visit = async (href, how) => {
  under?.abort();
  const { signal } = under = new AbortController();
  $('main').setAttribute('aria-busy', true);
  try {
    const answer = await fetch(href, { signal });
    if (!answer.ok) throw new Error(answer.status);
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const figure = next.querySelector('figure[data-curves]');
    if (figure) await numbers(figure.dataset.curves, signal).catch(() => {}); // so that the chart is there at once
    if (signal.aborted) return;
    if (how) history[how](null, '', href);
    const focused = document.activeElement.id;
    replace(next);
    await enhance();
    if (document.activeElement === document.body && focused) $(focused)?.focus({ preventScroll: true });
  } catch (e) {
    if (!signal.aborted) location.assign(href);
  }
};
const replace = next => {
  const open = [...document.querySelectorAll('main details[open]:not(#custom)')].map(d => d.id);
  for (const c of [...charts.values()]) c.destroy();
  for (const old of document.querySelectorAll('main, [data-live]')) {
    const other = next.getElementById(old.id);
    if (other) old.replaceWith(document.importNode(other, true));
  }
  for (const id of open) if ($(id)) $(id).open = true;
  document.title = next.title;
  const search = $('search');
  if (search !== document.activeElement) search.value = next.getElementById('search').value;
};
const change = of => {
  const url = new URL(location);
  of(url.searchParams);
  visit(url.href, 'pushState');
};
const addressOf = form => {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
  return location.pathname + (query.size ? '?' + query : '');
};

// copy is what the button beside a snippet does. Where the browser does not let a page
// copy, the snippet is marked, so that the reader can.
const copy = async button => {
  const { copy, copied } = button.dataset, before = button.textContent;
  try {
    await navigator.clipboard.writeText(copy);
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
    if (!document.execCommand('copy')) return;
  }
  if (before === copied) return;
  button.textContent = copied;
  setTimeout(() => { button.textContent = before; }, 2000);
};

listen('click', e => {
  const on = selector => e.target.closest(selector);
  if (on('#theme')) {
    const names = Object.keys(themes);
    theme = names[(names.indexOf(theme) + 1) % names.length];
    try { localStorage.setItem('theme', theme); } catch { /* as above */ }
    showTheme();
    drawAgain();
  }
  if (on('button[data-copy]')) copy(on('button[data-copy]'));
  const custom = $('custom');
  if (custom?.open && !on('#custom')) custom.open = false;
  if (e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
  const a = on('a[href]');
  if (a && $('view') && !a.target && !a.hash && !a.hasAttribute('download') && a.origin === location.origin && a.pathname === location.pathname) {
    e.preventDefault();
    visit(a.href, 'pushState');
  } else if (!a && !on('input, button, label, summary') && !String(getSelection())) {
    on('tr[data-repository]')?.querySelector('th a').click();
  }
});
let typing;
listen('input', ({ target: { form, id, name } }) => {
  if (form?.id !== 'view') return;
  clearTimeout(typing);
  if (id === 'search') typing = setTimeout(() => visit(addressOf(form), 'replaceState'), 200);
  if (name === 'pick') visit(addressOf(form), 'pushState');
});
listen('submit', e => {
  if (e.target.id !== 'view') return;
  e.preventDefault();
  clearTimeout(typing);
  visit(addressOf(e.target), 'pushState');
});
listen('keydown', e => {
  const custom = $('custom');
  if (e.key === 'Escape' && custom?.open) {
    custom.open = false;
    $('custom-open').focus();
  }
  if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input, textarea, select')) return;
  e.preventDefault();
  $('search')?.focus();
});
addEventListener('popstate', () => { if ($('view')) visit(location.href); });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAgain);
listen('DOMContentLoaded', enhance);
})();
