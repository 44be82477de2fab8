// What the browser keeps for us; it may refuse, and then nothing is kept.

/** What is kept under a name; `null` without. */
export function kept(storage, name) {
  try {
    return window[storage].getItem(name);
  } catch {
    return null;
  }
}

export function keep(storage, name, value) {
  try {
    window[storage].setItem(name, value);
  } catch {
    // Private windows: it holds as long as the page.
  }
}
