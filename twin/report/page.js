"use strict";
(() => {
  const plots = JSON.parse(document.getElementById("plots").textContent);
  const racks = plots.racks;
  const font = { family: 'system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif', size: 13, color: "#1b2430" };
  const config = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };
  const colour = { rack: "#2f6690", demand: "#1b2430", over: "#b3261e", out: "#b9c2cc" };
  const number = (value, unit) =>
    value === null ? "no value" : value.toLocaleString("en", { maximumSignificantDigits: 4 }) + (unit ? " " + unit : "");

  // Eight corners and twelve triangles of every box, in one mesh.
  const corners = [[0, 1, 2], [3, 1, 2], [3, 4, 2], [0, 4, 2], [0, 1, 5], [3, 1, 5], [3, 4, 5], [0, 4, 5]];
  const faces = [
    [0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7], [0, 1, 5], [0, 5, 4],
    [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6], [3, 0, 4], [3, 4, 7],
  ];
  const edges = [0, 1, 2, 3, 0, 4, 5, 1, 5, 6, 2, 6, 7, 3, 7, 4];
  const eight = (values) => values.flatMap((value) => Array(8).fill(value));
  const mesh = (boxes) => {
    const found = { type: "mesh3d", x: [], y: [], z: [], i: [], j: [], k: [] };
    boxes.forEach((box, place) => {
      for (const [x, y, z] of corners) { found.x.push(box[x]); found.y.push(box[y]); found.z.push(box[z]); }
      for (const [i, j, k] of faces) { found.i.push(8 * place + i); found.j.push(8 * place + j); found.k.push(8 * place + k); }
    });
    // Ambient light alone: a surface has exactly the colour of the bar.
    found.lighting = { ambient: 1, diffuse: 0, specular: 0, roughness: 1, fresnel: 0 };
    found.flatshading = true;
    return found;
  };
  const outline = (boxes, line) => {
    const found = { type: "scatter3d", mode: "lines", x: [], y: [], z: [], line, hoverinfo: "skip", showlegend: false };
    for (const box of boxes) {
      for (const corner of edges) {
        const [x, y, z] = corners[corner];
        found.x.push(box[x]); found.y.push(box[y]); found.z.push(box[z]);
      }
      found.x.push(null); found.y.push(null); found.z.push(null);
    }
    return found;
  };
  const about = racks.name.map((name, place) =>
    [`<b>${name}</b>`, racks.type[racks.of[place]]]
      .concat(racks.variables.map((one) => `${one.title}: ${number(one.values[place], one.unit)}`))
      .join("<br>"));
  const bar = (one) => ({ text: one.title + (one.unit ? ` [${one.unit}]` : ""), side: "right" });
  const plain = (text) => new DOMParser().parseFromString(text, "text/html").body.textContent;

  const hall = document.getElementById("hall");
  const solved = racks.variables.some((one) => one.values.some((value) => value !== null));
  const choice = document.getElementById("colour");
  const place = document.getElementById("block");
  const printed = document.getElementById("hall-print");
  racks.variables.forEach((one, index) => choice.add(new Option(one.title, index)));
  choice.value = racks.first;
  place.add(new Option("all", -1));
  plots.blocks.forEach((name, index) => place.add(new Option(plain(name), index)));
  place.value = plots.start;
  place.parentElement.hidden = plots.blocks.length < 2;

  const draw = () => {
    const one = racks.variables[choice.value];
    const block = Number(place.value);
    const here = (list, blocks) => (block < 0 ? list : list.filter((_, index) => blocks[index] === block));
    const boxes = here(racks.box, racks.block);
    const halls = here(plots.halls, plots.blocks.map((_, index) => index));
    const solids = plots.solids.map((solid) => ({ ...solid, box: here(solid.box, solid.block), name: here(solid.name, solid.block) }));
    // One metre is as long on each axis, and the longest side always fits the view.
    const all = [...halls, ...boxes, ...solids.flatMap((solid) => solid.box)];
    const range = [0, 1, 2].map((side) => [
      all.reduce((least, box) => Math.min(least, box[side]), Infinity),
      all.reduce((most, box) => Math.max(most, box[side + 3]), -Infinity),
    ]);
    const side = range.map(([least, most]) => most - least);
    const ratio = side.map((length) => (1.85 * length) / Math.max(...side));
    const axis = (title, index) => ({
      title: { text: title }, range: range[index], backgroundcolor: "#ffffff", gridcolor: "#e4e8ec", zeroline: false, showspikes: false,
    });
    const grey = ["#8e99a6", "#c3cad2"];
    const traces = [
      Object.assign(mesh(boxes), {
        name: "Racks", ...(solved ? {
          intensity: eight(here(one.values, racks.block)), cmin: one.range[0], cmax: one.range[1],
          colorscale: "Viridis", colorbar: { title: bar(one), thickness: 16, len: 0.8 },
        } : { color: "#dfe4e9" }),
        hovertext: eight(here(about, racks.block)), hoverinfo: "text",
      }),
      outline(boxes, { color: "#1b2430", width: 1.5 }),
      ...solids.flatMap((solid, index) => [
        Object.assign(mesh(solid.box), {
          name: solid.title, color: grey[index % grey.length], hovertext: eight(solid.name), hoverinfo: "text",
          showlegend: solid.box.length > 0,
        }),
        outline(solid.box, { color: "#5b6776", width: 1.5 }),
      ]),
      outline(halls.map(([x, y, z, right, back]) => [x, y, z, right, back, z]), { color: "#7c8895", width: 3 }),
    ];
    Plotly.react(hall, traces, {
      font, margin: { l: 0, r: 0, t: 0, b: 0 }, legend: { x: 0, y: 1 }, hoverlabel: { align: "left", bgcolor: "#ffffff", font },
      uirevision: block,
      scene: {
        aspectmode: "manual", aspectratio: { x: ratio[0], y: ratio[1], z: ratio[2] },
        xaxis: axis("x [m]", 0), yaxis: axis("y [m]", 1), zaxis: axis("z [m]", 2),
        camera: {
          eye: side[1] > side[0] ? { x: -1.6, y: -1.05, z: 1.2 } : { x: -1.05, y: -1.6, z: 1.2 },
          center: { x: 0, y: 0, z: -0.1 },
        },
      },
    }, { ...config, scrollZoom: false })
      .then(() => Plotly.toImage(hall, { format: "png", width: 1100, height: 600 }))
      .then((url) => { printed.src = url; }, () => {});
  };
  choice.addEventListener("change", draw);
  place.addEventListener("change", draw);
  draw();

  if (!solved) return;

  const chart = (id, traces, layout) =>
    Plotly.newPlot(id, traces, {
      font, margin: { l: 64, r: 12, t: 40, b: 40 }, height: 280, legend: { orientation: "h", x: 1, xanchor: "right", y: 1.15 },
      hoverlabel: { font }, plot_bgcolor: "#ffffff", ...layout,
    }, { ...config, displayModeBar: false });
  const named = (name) => racks.variables.find((one) => one.name === name);
  const many = racks.name.length > 64;
  const ticks = { automargin: true, showticklabels: !many, tickangle: many ? 0 : "auto", title: many ? { text: "racks in the order of the layout" } : undefined };
  const power = named("power"), warm = named("case_temperature");
  chart("power", [
    { type: "bar", name: "power", x: racks.name, y: power.values, marker: { color: colour.rack }, hovertemplate: "%{x}: %{y:.4~g} " + power.unit + "<extra></extra>" },
    { type: "scatter", mode: "markers", name: "demand", x: racks.name, y: racks.demand, marker: { symbol: "line-ew-open", size: many ? 4 : 16, color: colour.demand, line: { width: 2 } }, hovertemplate: "%{x} asks for %{y:.4~g} " + power.unit + "<extra></extra>" },
  ], { title: { text: "Power and demand of the racks", x: 0, xref: "paper", font: { size: 15 } }, xaxis: ticks, yaxis: { title: { text: power.unit }, rangemode: "tozero", gridcolor: "#e4e8ec" }, bargap: many ? 0 : 0.3 });
  chart("case", [
    { type: "scatter", mode: "markers", name: "case", x: racks.name, y: warm.values, marker: { size: many ? 3 : 9, color: colour.rack }, hovertemplate: "%{x}: %{y:.1f} °C<extra></extra>" },
    { type: "scatter", mode: "lines", name: "limit", x: racks.name, y: racks.limit, line: { color: colour.over, width: 1.5, dash: "dash", shape: "hvh" }, hovertemplate: "limit %{y:.1f} °C<extra></extra>" },
  ], { title: { text: "GPU case temperature", x: 0, xref: "paper", font: { size: 15 } }, xaxis: ticks, yaxis: { title: { text: "°C" }, gridcolor: "#e4e8ec" } });

  const devices = plots.devices;
  chart("devices", [{
    type: "bar", orientation: "h", y: devices.name, x: devices.loading, text: devices.kind, textposition: "none",
    marker: { color: devices.loading.map((load, place) => devices.out[place] ? colour.out : load > 100 ? colour.over : colour.rack) },
    hovertemplate: "%{y} (%{text}): %{x:.3~g} %<extra></extra>",
  }], {
    height: 70 + 17 * devices.name.length, margin: { l: 10, r: 12, t: 24, b: 40 }, showlegend: false, bargap: 0.25,
    xaxis: { title: { text: "% of continuous rating" }, rangemode: "tozero", gridcolor: "#e4e8ec" },
    yaxis: { automargin: true, tickfont: { size: 11 }, dtick: 1 },
    shapes: [{ type: "line", x0: 100, x1: 100, y0: 0, y1: 1, yref: "paper", line: { color: colour.over, width: 1.5, dash: "dash" } }],
  });
  const notes = [];
  if (devices.left > 0) notes.push(`The most loaded of each kind; ${devices.left.toLocaleString("en")} others are left out.`);
  if (devices.out.some(Boolean)) notes.push("Devices out of service carry nothing.");
  document.getElementById("devices-note").textContent = notes.join(" ");
})();
