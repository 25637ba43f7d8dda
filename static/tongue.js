// What scripts say, in the language of the page.
export function say(chinese, english) {
  return document.documentElement.lang === "en" ? english : chinese;
}
