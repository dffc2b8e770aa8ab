// Drives reports in headless Chromium: no request, no error, under two seconds, zoom, hover, toggles, dark, a phone's width,
// paper, and axe-core's check of accessibility. Usage: node report.mjs PAGE... --look RUN..., where playwright-core and axe-core
// are installed; of the pages of runs after --look no button is pressed.
import { chromium } from 'playwright-core';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let failures = 0;
const check = (ok, what) => {
  if (!ok) failures += 1;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}`);
};

async function accessible(page, where) {
  await page.evaluate(axe);
  const found = (await page.evaluate(() => axe.run())).violations.map((v) => `${v.id} (${v.nodes[0].html.slice(0, 120)})`);
  check(found.length === 0, `${where}: accessible ${found}`);
}

const [pages, runs] = process.argv.slice(2).join('\n').split('\n--look\n').map((list) => list.split('\n'));
const views = [['wide', 1280, 'light'], ['dark', 1280, 'dark'], ['phone', 360, 'light']];
const all = pages.map((path) => [path, true]).concat((runs || []).map((run) => [`${process.cwd()}/${run}/report.html`, false]));
for (const [path, pressed] of all) {
  for (const [name, width, colorScheme] of pressed ? views : views.slice(1)) {
    const where = `${path.split('/').slice(-2).join('/')} ${name}`;
    // the page lets no other script in, so the checker comes where that rule is off
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP: !pressed });
    const page = await context.newPage();
    const problems = [];
    let requests = 0;
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('dialog', (dialog) => { problems.push('a dialog'); dialog.dismiss(); });
    page.on('request', () => { requests += 1; });
    const start = Date.now();
    await page.goto('file://' + path);
    await page.waitForFunction(() => [...document.querySelectorAll('figure')].every((figure) => figure.querySelector('svg')));
    const time = Date.now() - start;
    check(time < 2000, `${where}: drawn in ${time} ms`);
    check(!(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)), `${where}: nothing wider than the window`);
    check((await page.evaluate(() => document.documentElement.dataset.theme)) === colorScheme, `${where}: theme`);

    const seen = await page.evaluate(() => ({
      foreign: document.querySelectorAll('img, iframe, object, link, script:not([id="charts"])').length,
      unseen: /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069]/.test(document.body.innerText),
      empty: [...document.querySelectorAll('figure[data-chart] svg')].filter((svg) => svg.querySelectorAll('path[stroke-width="1.8"][d^="M"], circle, rect').length < 2).length,
      cut: [...document.querySelectorAll('figure[data-chart] svg text')].filter((text) => {
        const inner = text.getBoundingClientRect(), outer = text.ownerSVGElement.getBoundingClientRect();
        return inner.right > outer.right + 3 || inner.left < outer.left - 3;
      }).map((text) => text.textContent),
    }));
    check(seen.foreign === 1 && !seen.unseen, `${where}: nothing but its own script, no character that hides`);
    check(seen.empty === 0, `${where}: no empty chart`);
    check(seen.cut.length === 0, `${where}: no label is cut ${seen.cut}`);

    const figure = page.locator('figure:has(input[type=range])').first();
    if (pressed && (await figure.count())) {
      const path0 = () => figure.locator('svg path[stroke-width="1.8"]').first().getAttribute('d');
      const svg = figure.locator('svg');
      await svg.scrollIntoViewIfNeeded();
      const box = await svg.boundingBox();
      const at = (part) => [box.x + part * box.width, box.y + box.height / 2];
      await page.mouse.move(...at(0.5));
      check(/epoch/.test(await figure.locator('.tip').innerText()), `${where}: hover says where`);
      const whole = await path0();
      await page.mouse.move(...at(0.3));
      await page.mouse.down();
      await page.mouse.move(...at(0.6), { steps: 4 });
      await page.mouse.up();
      check((await path0()) !== whole, `${where}: zoom`);
      await figure.getByRole('button', { name: 'whole range' }).click();
      check((await path0()) === whole, `${where}: the whole range again`);
      // one point looks the same on every scale
      const several = whole.includes('L');
      const log = figure.getByRole('checkbox');
      await log.click();
      check(!several || (await path0()) !== whole, `${where}: the other scale`);
      await log.click();
      await figure.getByRole('slider').fill('0.8');
      check(!several || (await path0()) !== whole, `${where}: smoothing`);
      const key = figure.locator('button[aria-pressed]').first();
      if (await key.count()) {
        await key.click();
        check((await key.getAttribute('aria-pressed')) === 'false', `${where}: a line is switched off`);
      }
      for (const kind of ['SVG', 'PNG']) {
        const [download] = await Promise.all([page.waitForEvent('download'), figure.getByRole('button', { name: kind }).click()]);
        check(download.suggestedFilename().endsWith('.' + kind.toLowerCase()), `${where}: ${kind}`);
      }
    }
    await page.emulateMedia({ media: 'print' });
    check((await page.evaluate(() => getComputedStyle(document.body).color)) === 'rgb(31, 41, 51)', `${where}: dark ink on paper`);
    await page.emulateMedia({ media: null });
    if (!pressed) await accessible(page, where);
    await page.getByRole('button', { name: 'Dark or light' }).click();
    check((await page.evaluate(() => document.documentElement.dataset.theme)) !== colorScheme, `${where}: the other theme`);
    check(problems.length === 0, `${where}: no error ${problems}`);
    check(requests === 1, `${where}: ${requests - 1} requests besides the page`);
    await context.close();
    if (!pressed) continue;
    const open = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, bypassCSP: true });
    const checked = await open.newPage();
    await checked.goto('file://' + path);
    await accessible(checked, where);
    await open.close();
  }
}
await browser.close();
console.log(failures ? `${failures} checks failed` : 'all checks passed');
process.exit(failures ? 1 : 0);
