// What the pages do in a browser that runs scripts. Everything is there without it: the
// server makes each page, with its charts, from its address. This draws the charts again
// so that they answer to the pointer and the keys, puts the next page in the place of
// the one before without loading it anew, and lets the reader choose light or dark.
(() => {
'use strict';
const root = document.documentElement;
const $ = id => document.getElementById(id);
const day = 86400;

// Light or dark. This file is loaded before the page is drawn, so that nothing flashes.
const themes = ['auto', 'light', 'dark'];
const stored = () => { try { return localStorage.getItem('theme'); } catch { return null; } };
let theme = themes.includes(stored()) ? stored() : 'auto';
const showTheme = () => {
  if (theme === 'auto') delete root.dataset.theme; else root.dataset.theme = theme;
  const button = $('theme');
  if (!button) return;
  button.hidden = false;
  button.textContent = { auto: '◐', light: '○', dark: '●' }[theme];
  button.title = 'Theme: ' + theme;
  button.setAttribute('aria-label', button.title);
};
showTheme();
root.classList.add('js');

const make = (name, attributes = {}, ...children) => {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  e.append(...children);
  return e;
};
const exact = n => n.toLocaleString('en');
const short = n => {
  if (n < 10000) return exact(n);
  const units = ['k', 'M', 'B', 'T'];
  let i = 0;
  for (n /= 1000; n >= 1000 && i < 3; i++) n /= 1000;
  return exact(Math.round(n * 10) / 10) + '\u00a0' + units[i];
};
const utc = options => new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });
const words = { day: utc({ day: 'numeric', month: 'short' }), month: utc({ month: 'short' }), year: utc({ year: 'numeric' }),
  full: utc({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }) };
const on = (format, seconds) => words[format].format(seconds * 1000);

// The numbers of a chart, of which the last are kept.
let kept = { url: '', data: null };
const numbers = async (url, signal) => {
  if (kept.url === url) return kept.data;
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw new Error('the curves could not be read: ' + answer.status);
  const data = await answer.json();
  kept = { url, data };
  return data;
};

// linesOf are the lines of a chart, with where they are not certain as sets.
const linesOf = (figure, data) => {
  const all = figure.dataset.view === 'sum' ? [{ ...data.sum, name: 'Together' }] : data.series;
  const hidden = new URLSearchParams(location.search).getAll('hide');
  return all.map((s, i) => {
    const key = s.others ? 'other' : s.name;
    return { ...s, key, name: s.others ? exact(s.others) + ' others' : s.name, colour: s.others ? 'other' : i + 1,
      off: figure.dataset.view !== 'sum' && hidden.includes(key), gap: new Set(s.gaps), part: new Set(s.partial) };
  });
};

// columnsOf are the columns that are drawn, each with how. What is still forming is a
// column of its own, which is dashed.
const columnsOf = (lines, stacked, n) => {
  const columns = [];
  const shown = lines.filter(l => !l.off);
  if (stacked) {
    const top = new Array(n).fill(0);
    const drawn = i => shown.some(l => l.values[i] != null && !l.gap.has(i));
    for (const line of shown) {
      line.values.forEach((v, i) => { top[i] += v ?? 0; });
      columns.unshift({ line, values: top.map((v, i) => drawn(i) ? v : null) });
    }
    return columns;
  }
  for (const line of shown) {
    const known = i => i >= 0 && i < n && line.values[i] != null && !line.gap.has(i);
    const value = i => known(i) ? line.values[i] : null;
    const near = i => line.part.has(i) || known(i) && (known(i - 1) && line.part.has(i - 1) || known(i + 1) && line.part.has(i + 1));
    columns.push({ line, values: line.values.map((_, i) => line.part.has(i) ? null : value(i)) });
    columns.push({ line, dashed: true, values: line.values.map((_, i) => near(i) ? value(i) : null) });
  }
  return columns.reverse();
};

// alone are the points that have no neighbour to draw a line to.
const alone = values => values.flatMap((v, i) => v != null && values[i - 1] == null && values[i + 1] == null ? [i] : []);

const charts = new Map();

const draw = (figure, data) => {
  charts.get(figure)?.destroy();
  const { view, metric, scale, unit } = figure.dataset;
  const lines = linesOf(figure, data);
  const stacked = view === 'stacked', log = scale === 'log' && !stacked;
  const x = data.dates.map(d => Date.parse(d + 'T00:00:00Z') / 1000);
  const columns = columnsOf(lines, stacked, x.length);
  const style = getComputedStyle(figure);
  const colour = name => style.getPropertyValue('--chart-' + name).trim();
  const font = '12px ' + getComputedStyle(document.body).fontFamily;
  const pushes = data.pushes.map(p => ({ name: p.namespace + '/' + p.name, at: Date.parse(p.last_updated) / 1000 }))
    .filter(p => view === 'sum' || lines.some(l => !l.off && l.key === p.name));
  const ofDay = i => pushes.filter(p => p.at >= x[i] && p.at < x[i] + day);

  const canvas = make('div', { class: 'canvas', tabindex: '0', role: 'application', 'aria-roledescription': 'chart',
    'aria-label': `${unit} from ${data.dates[0]} to ${data.dates.at(-1)}. The left and right keys go from day to day.` });
  const tip = make('div', { class: 'tip', hidden: '' });
  const live = make('div', { class: 'unseen', 'aria-live': 'polite' });
  const legend = make('div', { class: 'legend', role: 'group', 'aria-label': 'Lines' });
  figure.querySelector('.live')?.remove();
  const box = make('div', { class: 'live' }, make('p', { class: 'unit' }, unit + (log ? ', logarithmic scale' : '')), canvas, tip, legend, live);
  figure.append(box);
  figure.classList.add('drawn-live');

  const height = w => Math.round(Math.max(260, Math.min(w * 0.3, innerHeight * 0.5, 720)));
  const width = () => Math.floor(canvas.clientWidth) || 300;
  const pad = x.length > 1 ? 0 : day;
  const most = max => Math.max(1, max ?? 1);
  const axis = { stroke: colour('soft'), font, grid: { stroke: colour('line'), width: 1 }, ticks: { show: false } };
  const dashes = [3, 4];

  // What is said of a day, most first.
  const told = i => lines.filter(l => !l.off && l.values[i] != null).sort((a, b) => b.values[i] - a.values[i])
    .map(line => ({ line, text: exact(line.values[i]), note: line.gap.has(i) ? 'estimated' : line.part.has(i) ? 'so far' : '' }));
  const clock = seconds => new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  const showTip = u => {
    const i = u.cursor.idx;
    tip.hidden = i == null || u.cursor.left < 0;
    if (tip.hidden) return;
    const rows = told(i).map(t => make('tr', {}, make('th', { scope: 'row', class: 'chart-series-' + t.line.colour }, make('span', {}, t.line.name)),
      make('td', { class: 'n' }, t.text), make('td', {}, t.note)));
    if (data.sum && view !== 'sum' && data.series.length > 1 && data.sum.values[i] != null) {
      rows.push(make('tr', { class: 'sum' }, make('th', { scope: 'row' }, make('span', {}, 'Together')), make('td', { class: 'n' }, exact(data.sum.values[i])), make('td')));
    }
    tip.replaceChildren(make('b', {}, on('full', x[i])), make('table', {}, make('tbody', {}, ...rows)),
      ...ofDay(i).slice(0, 5).map(p => make('p', {}, `▲ ${p.name} pushed ${clock(p.at)}`)));
    const at = u.over.offsetLeft + u.cursor.left, wide = tip.offsetWidth, room = box.clientWidth;
    const left = at + 16 + wide < room ? at + 16 : Math.max(0, Math.min(at - 16 - wide, room - wide));
    tip.style.transform = `translate(${Math.round(left)}px, ${canvas.offsetTop + 8}px)`;
  };

  // Pushes are triangles below the axis; areas that are still forming are faint.
  const extras = u => {
    const { ctx, bbox } = u, r = devicePixelRatio, bottom = bbox.top + bbox.height;
    ctx.save();
    if (stacked) {
      ctx.globalAlpha = 0.5;
      ctx.fillStyle = style.getPropertyValue('--paper');
      const last = x.length - 1;
      for (const [i, j] of [[0, 1], [last, last - 1]]) {
        if (!last || !lines.some(l => !l.off && l.part.has(i))) continue;
        const from = u.valToPos(x[i], 'x', true);
        ctx.fillRect(from, bbox.top, u.valToPos(x[j], 'x', true) - from, bbox.height);
      }
      ctx.globalAlpha = 1;
    }
    for (const p of pushes) {
      const at = u.valToPos(p.at, 'x', true);
      if (at < bbox.left - 1 || at > bbox.left + bbox.width + 1) continue;
      ctx.fillStyle = colour(lines.find(l => l.key === p.name)?.colour ?? 'soft');
      ctx.beginPath();
      ctx.moveTo(at, bottom + 1 * r);
      ctx.lineTo(at + 3.5 * r, bottom + 7 * r);
      ctx.lineTo(at - 3.5 * r, bottom + 7 * r);
      ctx.fill();
    }
    ctx.restore();
  };

  const zoom = u => {
    const { left, width } = u.select;
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (width < 8) return;
    const [from, to] = [left, left + width].map(at => data.dates[u.posToIdx(at)]);
    change(p => { p.set('from', from); p.set('to', to); p.delete('page'); });
  };
  const reset = () => change(p => { p.delete('from'); p.delete('to'); });

  const u = new uPlot({
    width: width(), height: height(width()), legend: { show: false }, padding: [8, 24, 0, 0],
    tzDate: t => uPlot.tzDate(new Date(t * 1000), 'Etc/UTC'),
    scales: {
      x: { range: (_, min, max) => [min - pad, max + pad] },
      y: log ? { distr: 4, range: (_, _min, max) => [0, 10 ** Math.ceil(Math.log10(Math.max(10, max ?? 1)))] }
        : { range: (_, _min, max) => [0, most(max) * 1.05] },
    },
    axes: [{
      ...axis, grid: { show: false }, ticks: { show: true, stroke: colour('soft'), width: 1, size: 4 }, size: 36, gap: 10, space: 76,
      incrs: [1, 2, 4, 7, 14, 30, 60, 90, 120, 180, 365, 730, 1825].map(d => d * day),
      values: (_, at, _a, _s, step) => at.map((t, i) => {
        const year = i === 0 || on('year', t) !== on('year', at[i - 1]);
        if (step >= 365 * day) return on('year', t);
        return on(step < 28 * day ? 'day' : 'month', t) + (year ? ' ' + on('year', t) : '');
      }),
    }, {
      ...axis, gap: 6, space: 40, values: (_, at) => at.map(v => v == null ? '' : short(v)),
      incrs: [...Array(19).keys()].flatMap(e => [1, 2, 5].map(f => f * 10 ** e)),
      size: (self, values) => {
        if (!values) return 40;
        self.ctx.font = self.axes[1].font[0];
        return Math.ceil(Math.max(...values.map(v => self.ctx.measureText(v).width)) / devicePixelRatio) + 14;
      },
      ...(log && { splits: (_, _a, _min, max) => {
        const decades = Math.round(Math.log10(max)), every = Math.ceil(decades / 5), at = [0];
        for (let d = decades % every || every; d <= decades; d += every) at.push(10 ** d);
        return at;
      }, filter: (_, splits) => splits }),
    }],
    series: [{}, ...columns.map(c => ({
      stroke: colour(c.line.colour), width: 1.5, dash: c.dashed ? dashes : undefined, fill: stacked ? colour(c.line.colour) : undefined,
      points: { show: !stacked || x.length === 1, size: 5, fill: colour(c.line.colour), filter: () => alone(c.values) },
    }))],
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 7 }, bind: { dblclick: () => () => { reset(); return null; } } },
    hooks: { setCursor: [showTip], setSelect: [zoom], draw: [extras] },
  }, [x, ...columns.map(c => c.values)], canvas);

  for (const line of lines.length > 1 ? lines : []) {
    const button = make('button', { type: 'button', class: 'chart-series-' + line.colour, 'aria-pressed': String(!line.off), id: 'line-' + line.key }, line.name);
    button.addEventListener('click', () => change(p => {
      const hidden = p.getAll('hide').filter(h => h !== line.key);
      if (!line.off) hidden.push(line.key);
      p.delete('hide');
      hidden.forEach(h => p.append('hide', h));
    }));
    legend.append(button);
  }

  const go = to => {
    const i = Math.max(0, Math.min(x.length - 1, to));
    u.setCursor({ left: Math.max(0.01, u.valToPos(x[i], 'x')), top: 10 });
    live.textContent = [on('full', x[i]), ...told(i).map(t => `${t.line.name} ${t.text} ${t.note}`), ...ofDay(i).map(p => p.name + ' was pushed')].join('; ');
  };
  canvas.addEventListener('keydown', e => {
    const i = u.cursor.idx ?? x.length;
    const to = { ArrowLeft: i - 1, ArrowRight: u.cursor.idx == null ? 0 : i + 1, Home: 0, End: x.length - 1, PageUp: i - 7, PageDown: i + 7 }[e.key];
    if (to !== undefined) { e.preventDefault(); go(to); }
    if (e.key === 'Escape') { u.setCursor({ left: -10, top: -10 }); canvas.blur(); }
  });
  canvas.addEventListener('blur', () => u.setCursor({ left: -10, top: -10 }));

  const resized = new ResizeObserver(() => {
    if (width() !== u.width) u.setSize({ width: width(), height: height(width()) });
  });
  resized.observe(canvas);
  charts.set(figure, { destroy: () => { resized.disconnect(); u.destroy(); charts.delete(figure); }, again: () => draw(figure, data) });
};

// enhance makes what the server has sent answer to the reader.
const enhance = async within => {
  showTheme();
  for (const t of document.querySelectorAll('time[datetime]')) {
    if (t.dataset.utc) continue;
    t.dataset.utc = t.title;
    t.title = new Date(t.dateTime).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }) + ' here, ' + t.dataset.utc;
  }
  for (const figure of within.querySelectorAll('figure[data-curves]')) {
    if (!window.uPlot) continue;
    try {
      const data = await numbers(figure.dataset.curves);
      if (figure.isConnected && data.dates.length) draw(figure, data);
    } catch (e) {
      console.warn('the drawing of the server stays:', e); // and it is good
    }
  }
};

// Another view of the page: what has changed is put in its place.
let under;
const visit = async (href, how) => {
  under?.abort();
  const { signal } = under = new AbortController();
  $('main').setAttribute('aria-busy', 'true');
  try {
    const answer = await fetch(href, { signal });
    if (!answer.ok) throw new Error(answer.status);
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const figure = next.querySelector('figure[data-curves]');
    if (figure) await numbers(figure.dataset.curves, signal).catch(() => {});
    if (signal.aborted) return;
    if (how) history[how](null, '', href);
    replace(next);
    await enhance(document);
    restoreFocus();
  } catch (e) {
    if (e.name !== 'AbortError') location.assign(href);
  }
};
let focused;
const restoreFocus = () => {
  if (focused && document.activeElement?.id !== focused) $(focused)?.focus({ preventScroll: true });
};
const replace = next => {
  focused = document.activeElement?.id;
  const open = [...document.querySelectorAll('main details[open]')].map(d => d.id);
  for (const figure of [...charts.keys()]) charts.get(figure).destroy();
  for (const old of [$('main'), ...document.querySelectorAll('header [data-live]')]) {
    const replacement = next.getElementById(old.id);
    if (replacement) old.replaceWith(document.importNode(replacement, true));
  }
  for (const id of open) if (id !== 'custom' && $(id)) $(id).open = true;
  document.title = next.title;
  const search = $('search');
  if (search && search !== document.activeElement) search.value = next.getElementById('search')?.value ?? '';
  restoreFocus();
};
const change = of => {
  const url = new URL(location);
  of(url.searchParams);
  visit(url.href, 'pushState');
};
const formAddress = form => {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ''));
  return form.action.split('?')[0] + (query.size ? '?' + query : '');
};

document.addEventListener('click', e => {
  if (e.target.closest('#theme')) {
    theme = themes[(themes.indexOf(theme) + 1) % 3];
    try { localStorage.setItem('theme', theme); } catch { /* it lasts as long as the page */ }
    showTheme();
    for (const c of [...charts.values()]) c.again();
    return;
  }
  const plain = !e.defaultPrevented && e.button === 0 && !e.metaKey && !e.ctrlKey && !e.shiftKey && !e.altKey;
  const a = e.target.closest('a[href]');
  if (a) {
    if (!plain || a.target || a.hasAttribute('download') || a.origin !== location.origin || a.pathname !== location.pathname || a.hash || !$('view')) return;
    e.preventDefault();
    visit(a.href, 'pushState');
    return;
  }
  const row = plain && !e.target.closest('input, button, label, summary') && !String(getSelection()) && e.target.closest('tr[data-repository]');
  if (row) row.querySelector('th a').click();
  const custom = $('custom');
  if (custom?.open && !custom.contains(e.target)) custom.open = false;
});
let typing;
document.addEventListener('input', e => {
  const form = e.target.form;
  if (form?.id !== 'view') return;
  clearTimeout(typing);
  if (e.target.id === 'search') typing = setTimeout(() => visit(formAddress(form), 'replaceState'), 200);
  if (e.target.name === 'pick') visit(formAddress(form), 'pushState');
});
document.addEventListener('submit', e => {
  if (e.target.id !== 'view') return;
  e.preventDefault();
  clearTimeout(typing);
  visit(formAddress(e.target), 'pushState');
});
document.addEventListener('keydown', e => {
  if (e.key === 'Escape' && $('custom')?.open) { $('custom').open = false; $('custom-open').focus(); }
  if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input, textarea, select') || !$('search')) return;
  e.preventDefault();
  $('search').focus();
});
addEventListener('popstate', () => { if ($('view')) visit(location.href); });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { for (const c of [...charts.values()]) c.again(); });
document.addEventListener('DOMContentLoaded', () => enhance(document));
})();

// Snippets are copied by the button beside them; where the browser does not let a page
// copy, they are marked, so that the reader can.
(() => {
'use strict';
document.addEventListener('click', async e => {
  const button = e.target.closest('button[data-copy]');
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
    if (!document.execCommand('copy')) return;
  }
  const before = button.textContent;
  if (before === button.dataset.copied) return;
  button.textContent = button.dataset.copied;
  setTimeout(() => { button.textContent = before; }, 2000);
});
})();
