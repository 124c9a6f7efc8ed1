// Runs before the first paint, so that a chosen theme does not flash up in the other one. Written by src/state/settings.ts.
try {
  const theme = JSON.parse(localStorage.getItem('post2log.settings') || '{}').theme;
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // No storage, or somebody else's value in it: the system's theme.
}
