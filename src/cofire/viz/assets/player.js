// One button and one slider for all films of a figure. Without scripts the page shows each film's resting frame.
for (const player of document.querySelectorAll("[data-player]")) {
  const films = [...player.querySelectorAll(".film")].map((film) => [...film.querySelectorAll("img")]);
  const button = player.querySelector("button");
  const slider = player.querySelector("input");
  const output = player.querySelector("output");
  const last = Number(slider.max);
  const pause = Number(player.dataset.milliseconds);
  let timer = 0;

  const show = (tick) => {
    slider.value = tick;
    output.textContent = `tick ${tick} of ${last}`;
    for (const frames of films) frames.forEach((frame, index) => frame.classList.toggle("now", index === tick - 1));
  };
  const stop = () => {
    clearTimeout(timer);
    timer = 0;
    button.textContent = "Play";
  };
  const step = () => {
    const tick = Number(slider.value) % last + 1;
    show(tick);
    timer = setTimeout(step, tick === last ? 4 * pause : pause);
  };
  button.addEventListener("click", () => {
    if (timer) return stop();
    button.textContent = "Pause";
    step();
  });
  slider.addEventListener("input", () => {
    stop();
    show(Number(slider.value));
  });
  player.querySelector(".controls").hidden = false;
}
