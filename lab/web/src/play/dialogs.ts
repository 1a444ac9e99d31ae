import { h } from "./dom";

// openDialog shows a form. done gets what was entered, and returns what is wrong with
// it; without done there is nothing to enter.
export function openDialog(title: string, content: HTMLElement[], verb: string, done: ((form: FormData) => Promise<string>) | null) {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const form = h("form", { method: "dialog" }, h("h2", {}, title), ...content, wrong,
    h("div", { class: "row" },
      h("button", { type: "button", onclick: () => dialog.close() }, done ? "Cancel" : "Close"),
      done ? h("button", { type: "submit", class: "main" }, verb) : null)) as HTMLFormElement;
  const dialog = h("dialog", { "aria-label": title, onclose: () => dialog.remove() }, form) as HTMLDialogElement;
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    void done?.(new FormData(form)).then((problem) => {
      wrong.textContent = problem;
      if (!problem) dialog.close();
    });
  });
  document.body.append(dialog);
  dialog.showModal();
}
