// Keyboard, exposure and passkeys. Nothing here decides anything, and nothing
// is shown before a key or button asks for it.
(() => {
  "use strict";

  const json = async (method, path, body) => {
    const response = await fetch(path, {
      method, headers: { "Accept": "application/json", "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.json().catch(() => ({ reason: "The node did not answer as expected." }));
    if (!response.ok) throw new Error([answer.reason, answer.remedy].filter(Boolean).join(". "));
    return answer;
  };

  // A form is sent once, however often Enter is pressed until the answer comes.
  const sent = new WeakSet();
  addEventListener("submit", (event) => {
    if (sent.has(event.target)) event.preventDefault();
    sent.add(event.target);
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

  // Passkeys (WebAuthn).
  for (const button of document.querySelectorAll("[data-passkey]")) {
    const status = button.closest(".sheet").querySelector("[data-passkey-status]");
    button.addEventListener("click", async () => {
      try {
        if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) throw new Error(document.body.dataset.nopasskeys || "This browser cannot use passkeys.");
        status.textContent = "…";
        let answer;
        if (button.dataset.passkey === "login") {
          const { publicKey } = await json("POST", "/login/passkey/begin");
          const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
          answer = await json("POST", "/login/passkey/finish", credential.toJSON());
        } else {
          const { publicKey } = await json("POST", "/account/passkey/begin");
          const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
          answer = await json("POST", "/account/passkey/finish", credential.toJSON());
        }
        location.assign(answer.next);
      } catch (error) {
        status.textContent = error.message;
      }
    });
  }

  const station = document.querySelector("[data-station]");
  const keys = JSON.parse(document.querySelector("[data-keys]")?.dataset.keys || "{}");
  const actions = {};
  const dialog = document.querySelector("dialog[data-help]");
  actions.help = () => dialog && (dialog.open ? dialog.close() : dialog.showModal());
  document.querySelector("[data-open-help]")?.addEventListener("click", actions.help);
  dialog?.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());

  // A list of rows: next, previous, open.
  const rows = [...document.querySelectorAll("[data-row] a")];
  if (rows.length) {
    const move = (step) => {
      const at = rows.indexOf(document.activeElement);
      rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step))].focus();
    };
    actions.next = () => move(1);
    actions.previous = () => move(-1);
  }

  if (station) {
    const viewer = station.querySelector("[data-viewer]");
    const status = station.querySelector("[data-viewer-status]");
    const waiting = viewer.innerHTML;
    let exposure = null;
    let tile = { column: 0, row: 0 };
    let asked = 0;

    const ended = () => {
      if (!exposure) return;
      // A beacon arrives even while the page goes away.
      navigator.sendBeacon(`/exposures/${exposure}/end`);
      exposure = null;
    };
    const hide = () => {
      asked++;
      viewer.classList.remove("showing");
      viewer.innerHTML = waiting;
      status.textContent = station.dataset.hidden;
      ended();
    };
    const show = async (level) => {
      const mine = ++asked;
      ended();
      status.textContent = "…";
      try {
        const answer = await json("POST", station.dataset.view, { level, ...tile });
        if (mine !== asked) { // hidden or changed meanwhile
          navigator.sendBeacon(`/exposures/${answer.exposure}/end`);
          return;
        }
        exposure = answer.exposure;
        const image = new Image();
        image.alt = answer.alt;
        image.src = answer.picture;
        viewer.replaceChildren(image);
        viewer.classList.add("showing");
        status.textContent = answer.label;
        for (const input of document.querySelectorAll("[data-needs-view]")) input.hidden = true;
      } catch (error) {
        if (mine === asked) { hide(); status.textContent = error.message; }
      }
    };
    actions.hide = hide;
    actions.sketch = () => show("sketch");
    actions.full = () => show("full");
    actions.region = () => show("region");
    actions.grey = () => viewer.classList.toggle("grey");
    actions.blur = () => viewer.classList.toggle("blur");
    actions.small = () => viewer.classList.toggle("small");
    for (const button of station.querySelectorAll("[data-action]")) button.addEventListener("click", () => actions[button.dataset.action]());
    addEventListener("pagehide", hide);
    document.addEventListener("visibilitychange", () => { if (document.hidden) hide(); });

    // Holding the key shows, letting it go hides.
    let holding = false;
    addEventListener("keydown", (event) => {
      if (event.code === "Space" && keys.hold === "Space" && !event.repeat && !typing(event) && event.target === document.body) {
        event.preventDefault(); holding = true; show("sketch");
      }
      if (exposure && event.key.startsWith("Arrow") && status.dataset.level !== "none" && lastLevel() === "region" && !typing(event)) {
        event.preventDefault();
        const grid = Number(station.dataset.grid);
        const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
        tile = { column: Math.max(0, Math.min(grid - 1, tile.column + step[0])), row: Math.max(0, Math.min(grid - 1, tile.row + step[1])) };
        show("region");
      }
    });
    addEventListener("keyup", (event) => { if (event.code === "Space" && holding) { holding = false; hide(); } });
    let level = "none";
    const lastLevel = () => level;
    for (const name of ["sketch", "full", "region"]) {
      const call = actions[name];
      actions[name] = () => { level = name; return call(); };
    }
  }

  // Two items beside each other: whoever leaves or hides the page is shown them no more.
  const pair = document.querySelector("form[data-pair]");
  if (pair) {
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      for (const input of pair.querySelectorAll("input[name=exposure]")) navigator.sendBeacon(`/exposures/${input.value}/end`);
      for (const image of document.querySelectorAll(".pair img")) image.remove();
    };
    actions.hide = () => pair.requestSubmit();
    addEventListener("pagehide", end);
    document.addEventListener("visibilitychange", () => { if (document.hidden) end(); });
  }

  // The form that Enter sends: take, decide or go on. Facts go by number keys.
  const form = document.querySelector("form[data-facts]");
  if (form) {
    actions.confirm = () => form.requestSubmit();
    actions.facts = () => form.querySelector("input")?.focus();
    addEventListener("keydown", (event) => {
      if (event.repeat || typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const input = form.querySelector(`input[data-hotkey="${CSS.escape(event.key)}"]`);
      if (input) { event.preventDefault(); input.checked = true; input.focus({ preventScroll: true }); }
    });
  }
  for (const name of ["pass", "undo"]) {
    const other = document.querySelector(`form[data-${name}]`);
    if (other) actions[name] = () => other.requestSubmit();
  }

  function typing(event) {
    const target = event.target;
    return target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName) || (target.tagName === "INPUT" && !/^(radio|checkbox|button|submit)$/.test(target.type));
  }

  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && actions.hide) actions.hide();
    if (event.repeat || typing(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    // Enter on a link or button does what it says.
    if (event.key === "Enter" && /^(A|BUTTON|SUMMARY)$/.test(event.target.tagName)) return;
    for (const [action, key] of Object.entries(keys)) {
      if (key === event.key && key !== "Space" && actions[action]) {
        event.preventDefault();
        actions[action]();
        return;
      }
    }
  });
})();
