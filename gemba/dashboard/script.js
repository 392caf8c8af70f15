(() => {
  const cookie = (key, value) => { document.cookie = `${key}=${value}; path=/; max-age=31536000; samesite=strict`; };
  const dark = () => matchMedia("(prefers-color-scheme: dark)").matches;
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme || window.gembaTheme || (dark() ? "dark" : "light");
  document.addEventListener("click", event => {
    if (event.target.matches("dialog[open]")) return event.target.close();
    const hit = event.target.closest("[data-evidence],[data-lang],[data-theme-switch],[data-close],[data-put],[data-do]");
    if (!hit) return;
    if (hit.dataset.evidence) emitEvent("evidence", [hit.dataset.evidence, hit.getAttribute("aria-label")]);
    else if (hit.dataset.lang) {
      cookie("gemba_lang", hit.dataset.lang);
      const to = new URL(location.href); to.searchParams.delete("lang"); location.href = to;
    } else if ("themeSwitch" in hit.dataset) {
      root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark"; cookie("gemba_theme", root.dataset.theme);
    } else if ("close" in hit.dataset) hit.closest("dialog").close();
    else if ("put" in hit.dataset) document.querySelector(`[data-field=${hit.dataset.into}]`).value = hit.dataset.put;
    else emitEvent(hit.dataset.do, Object.fromEntries([...document.querySelectorAll("[data-field]")].map(f => [f.dataset.field, f.value])));
  });
  document.addEventListener("change", async event => {
    const file = event.target.closest("input[type=file][data-into]");
    if (file && file.files[0]) document.querySelector(`[data-field=${file.dataset.into}]`).value = await file.files[0].text();
  });
  let touched = Date.now();
  for (const kind of ["keydown", "pointerdown", "wheel", "touchstart"]) addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
  setInterval(() => {
    const away = document.activeElement === document.body && !document.querySelector("dialog[open]");
    if (away && Date.now() - touched > window.gembaAgain * 1000) location.reload();
  }, 5000);
  window.gemba = {
    show(html) { const box = document.getElementById("evidence"); box.innerHTML = html; if (!box.open) box.showModal(); },
    live(rows) {
      for (const [key, html] of rows) {
        const cell = document.querySelector(`[data-live="${CSS.escape(key)}"]`);
        if (cell && !cell.contains(document.activeElement) && cell.innerHTML !== html) cell.innerHTML = html;
      }
    },
  };
})();
