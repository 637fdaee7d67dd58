// What the callback put after the # leaves the address bar before anything else happens, and with it the browser's history. It waits in
// this tab's own storage until it is spent, so that a reload in between costs nobody a second consent.
(() => {
  const found = /^#activation_(ticket|error)=([\w-]{1,2048})$/.exec(location.hash);
  if (!found) return;
  sessionStorage.setItem(`activation_${found[1]}`, found[2]);
  history.replaceState(null, "", location.pathname + location.search);
})();
