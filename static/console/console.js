// What the theme's widgets lack for the keyboard and for screen readers.
"use strict";

(() => {
  const ICONS = ".material-symbols-outlined:not([aria-hidden])";
  const FOCUSABLE =
    'a[href], button:not([disabled]), input:not([disabled]):not([type="hidden"]), ' +
    'select:not([disabled]), textarea:not([disabled]), [tabindex="0"]';
  let opener = null;

  // An icon is a word in a font ("meeting_room"): it is not to be read aloud.
  function hideIcons(root) {
    for (const icon of root.querySelectorAll(ICONS)) {
      icon.setAttribute("aria-hidden", "true");
    }
  }

  function visible(element) {
    return element.getClientRects().length > 0;
  }

  // In a modal dialog, Tab goes round.
  function keepWithin(event) {
    const dialog = event.target.closest?.('[aria-modal="true"]');
    if (event.key !== "Tab" || !dialog) {
      return;
    }
    const stops = [...dialog.querySelectorAll(FOCUSABLE)].filter(visible);
    const [first, last] = [stops[0] ?? dialog, stops.at(-1) ?? dialog];
    const outward = event.shiftKey ? [first, dialog] : [last];
    if (outward.includes(event.target)) {
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    }
  }

  // The theme's dialog is filled by htmx: the focus goes in, and back to where it came from.
  function enterDialog(event) {
    if (event.target.id !== "modal-content") {
      return;
    }
    opener = event.detail.requestConfig?.elt ?? null;
    const field = event.target.querySelector(
      'input:not([type="hidden"]), select, textarea, button[type="submit"]',
    );
    requestAnimationFrame(() => (field ?? event.target).focus());
  }

  function watchDialog() {
    const dialog = document.getElementById("modal-content");
    if (!dialog) {
      return;
    }
    let shown = false;
    new MutationObserver(() => {
      const now = visible(dialog);
      if (shown && !now) {
        opener?.focus();
        opener = null;
      }
      shown = now;
    }).observe(dialog.parentElement, { attributes: true, attributeFilter: ["style"] });
  }

  // Commands to be run elsewhere: without a script, or where copying is not allowed, no button.
  function offerCopies(root) {
    if (navigator.clipboard) {
      for (const button of root.querySelectorAll("[data-copy][hidden]")) {
        button.hidden = false;
      }
    }
  }

  async function copy(event) {
    const button = event.target.closest?.("[data-copy]");
    if (!button) {
      return;
    }
    await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
    const words = button.textContent;
    button.textContent = button.dataset.copied;
    setTimeout(() => {
      button.textContent = words;
    }, 2000);
  }

  document.addEventListener("click", copy);
  // Read out what is new alone: the state asks for itself every few seconds.
  function sayState() {
    const state = document.getElementById("calendar-state");
    const said = document.getElementById("calendar-said");
    if (state && said && said.dataset.last !== state.dataset.said) {
      if (said.dataset.last !== undefined) {
        said.textContent = state.dataset.said;
      }
      said.dataset.last = state.dataset.said;
    }
  }

  // After signing out elsewhere the answer is the sign-in page, which is no part of this one.
  function refuseOtherPages(event) {
    const asked = event.detail.pathInfo.requestPath.split("?")[0];
    const got = new URL(event.detail.xhr.responseURL || location.href).pathname;
    if (asked.startsWith("/") && asked !== got) {
      event.detail.shouldSwap = false;
    }
  }

  document.addEventListener("htmx:beforeSwap", refuseOtherPages);
  document.addEventListener("htmx:afterSwap", sayState);
  document.addEventListener("keydown", keepWithin);
  document.addEventListener("htmx:afterSettle", enterDialog);
  document.addEventListener("DOMContentLoaded", () => {
    hideIcons(document);
    offerCopies(document);
    sayState();
    watchDialog();
    new MutationObserver(() => {
      hideIcons(document);
      offerCopies(document);
    }).observe(document.body, {
      childList: true,
      subtree: true,
    });
  });
})();
