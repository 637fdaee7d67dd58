// The types of preact.js, for whoever checks the page's types (infra/checks/page/run).
export * from "preact";
