// Shows 「密码强度: 弱 中 强」 under inputs marked data-password-meter. A hint only: the server decides what is accepted.
const meter = document.getElementById("password-meter").content.firstElementChild;

function levelOf(password) {
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z\d]/].filter((kind) => kind.test(password)).length;
  const repeats = /^(.)\1*$/.test(password);
  if (!password) return 0;
  if (password.length < 8 || kinds < 2 || repeats) return 1;
  return password.length >= 10 && kinds >= 3 ? 3 : 2;
}

function show(element, level) {
  element.dataset.level = level;
  [...element.children].forEach((step, index) => {
    step.toggleAttribute("data-reached", index < level);
    if (index === level - 1) step.setAttribute("aria-current", "true");
    else step.removeAttribute("aria-current");
  });
}

function attach(input) {
  const element = meter.cloneNode(true);
  input.dataset.passwordMeter = "on";
  input.after(element);
  const update = () => show(element, levelOf(input.value));
  input.addEventListener("input", update);
  update();
}

htmx.onLoad(() => document.querySelectorAll("[data-password-meter='']").forEach(attach));
