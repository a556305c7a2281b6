// 全选 in the reviewers' queue; the box is only there with this script.
const all = document.querySelector("[data-choose-all]");
const boxes = [...document.querySelectorAll("input[name=application]")];
all.hidden = boxes.length === 0;
all.addEventListener("change", () => boxes.forEach((box) => (box.checked = all.checked)));
