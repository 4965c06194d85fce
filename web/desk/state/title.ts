// What the tab is called.

export function title(of: string | null | undefined) {
  document.title = of ? `${of} – blotter` : "blotter";
}
