// What a word means, in the tip, while the pointer or the focus is on it. The text stands in the list at the page's end.
{
  let shown = null;
  const show = (word) => {
    const meaning = document.getElementById(word.dataset.term);
    if (!meaning) return;
    shown = word;
    const box = word.getBoundingClientRect();
    gradlab.tip.show([meaning.previousElementSibling.textContent, meaning.textContent], box.left - 14, box.bottom - 8, false);
  };
  const leave = () => { if (shown) gradlab.tip.hide(); shown = null; };
  const enter = (event) => {
    const word = event.target.closest?.("[data-term]");
    if (word && word === shown) return;
    leave();
    if (word) show(word);
  };
  document.addEventListener("mouseover", (event) => { if (event.target.closest?.("[data-term]")) enter(event); });
  document.addEventListener("mouseout", (event) => { if (shown && !shown.contains(event.relatedTarget)) leave(); });
  document.addEventListener("focusin", (event) => { if (event.target.matches(":focus-visible")) enter(event); });
  document.addEventListener("focusout", leave);
  document.addEventListener("click", (event) => {  // a finger has no pointer that rests
    const word = event.target.closest?.("span.term");
    if (word) show(word);
  });
  addEventListener("keydown", (event) => { if (event.key === "Escape") shown = null; });
  addEventListener("scroll", () => {  // a word that takes the focus is scrolled to, and its tip goes along
    if (shown && shown.contains(document.activeElement)) show(shown);
    else shown = null;
  }, { passive: true, capture: true });
}
