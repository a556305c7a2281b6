// Counts down on a button that the server will refuse for a while: data-seconds on 「获取验证码」.
const waitLabel = document.getElementById("script-texts").dataset.wait;

function start(button) {
  const label = button.textContent;
  const end = Date.now() + Number(button.dataset.seconds) * 1000;
  button.dataset.counting = "";
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? waitLabel.replace("%s", left) : label;
    if (left > 0) setTimeout(tick, 1000);
  };
  tick();
}

htmx.onLoad(() => document.querySelectorAll("[data-seconds]:not([data-counting])").forEach(start));
