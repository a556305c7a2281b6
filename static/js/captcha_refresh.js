// A new captcha, picture and sound, without losing what is typed: by the button, or by a click on the picture.
async function refresh(box) {
  const response = await fetch(box.dataset.captcha, { headers: { "X-Requested-With": "XMLHttpRequest" } });
  if (!response.ok) return;
  const captcha = await response.json();
  const [key, answer] = box.querySelectorAll("input");
  key.value = captcha.key;
  answer.value = "";
  box.querySelector("img").src = captcha.image_url;
  box.querySelector("audio").src = captcha.audio_url;
  box.querySelector("a[download]").href = captcha.audio_url;
  answer.focus();
}

document.addEventListener("click", (event) => {
  const trigger = event.target.closest("[data-captcha] img, [data-captcha-refresh]");
  if (trigger) refresh(trigger.closest("[data-captcha]"));
});

htmx.onLoad(() => document.querySelectorAll("[data-captcha-refresh]").forEach((button) => (button.hidden = false)));
