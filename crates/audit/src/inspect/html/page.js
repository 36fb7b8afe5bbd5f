"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [FOLDER, NAME, BYTES, FILES, LAYER, PACKAGE, LOST] = [0, 1, 2, 3, 4, 5, 6];
  const $ = (id) => document.getElementById(id);
  const map = $("map"), about = $("about"), crumbs = $("crumbs"), list = $("list"), legend = $("legend");
  const colour = $("colour"), find = $("find");
  const views = {
    folder: { keep: (leaf) => !leaf[LOST], above: () => [] },
    layer: { keep: () => true, above: (leaf) => ["layer " + leaf[LAYER]] },
    package: {
      keep: (leaf) => !leaf[LOST],
      above: (leaf) => (leaf[PACKAGE] < 0 ? ["no package"] : data.packages[leaf[PACKAGE]]),
    },
    waste: { keep: (leaf) => leaf[LOST], above: () => [] },
  };
  const trees = {};

  const node = (name) => ({ name, bytes: 0, files: 0, lost: 0, inside: new Map(), leaf: null });

  function tree(view) {
    if (trees[view]) return trees[view];
    const root = node("");
    for (const leaf of data.leaves) {
      if (!views[view].keep(leaf)) continue;
      const folder = data.folders[leaf[FOLDER]].split("/").filter(Boolean);
      let at = root;
      const count = (one) => {
        one.bytes += leaf[BYTES];
        one.files += leaf[FILES];
        if (leaf[LOST]) one.lost += leaf[BYTES];
      };
      count(at);
      for (const name of [...views[view].above(leaf), ...folder, leaf[NAME]]) {
        let next = at.inside.get(name);
        if (!next) at.inside.set(name, (next = node(name)));
        count(next);
        at = next;
      }
      at.leaf = leaf;
    }
    return (trees[view] = root);
  }

  const sorted = (of) => [...of.inside.values()].sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));

  function size(bytes) {
    if (bytes < 1000) return bytes + " B";
    const units = ["kB", "MB", "GB", "TB"];
    let value = bytes / 1000, unit = 0;
    while (value >= 999.95 && unit + 1 < units.length) { value /= 1000; unit += 1; }
    return value.toFixed(1) + " " + units[unit];
  }

  // "#/usr/lib" is a folder; "#layer/layer%203/usr" and its like are the other views.
  function place() {
    const text = location.hash.slice(1);
    const [first, ...rest] = text.split("/");
    const view = Object.hasOwn(views, first) ? first : "folder";
    const names = (view === first ? rest : text.split("/")).filter(Boolean).map((name) => {
      try { return decodeURIComponent(name); } catch { return name; }
    });
    let at = tree(view);
    const path = [];
    for (const name of names) {
      const next = at.inside.get(name);
      if (!next || next.inside.size === 0) break;
      path.push(name);
      at = next;
    }
    return { view, path, at };
  }

  function address(view, path) {
    const names = path.map(encodeURIComponent).join("/");
    return "#" + (view === "folder" ? "" : view) + "/" + names;
  }

  // The rectangles of boxes with these weights, as square as they come (Bruls, Huizing, van Wijk: Squarified Treemaps).
  function squares(weights, { x, y, w, h }) {
    const out = [];
    let rest = weights.reduce((sum, weight) => sum + weight, 0), first = 0;
    while (first < weights.length && rest > 0 && w > 0 && h > 0) {
      const side = Math.min(w, h), scale = (w * h) / rest;
      const worst = (sum, most, least) => {
        const length = (sum * scale) / side;
        return Math.max((length * length) / (least * scale), (most * scale) / (length * length));
      };
      let end = first + 1, sum = weights[first];
      while (end < weights.length && weights[end] > 0 &&
             worst(sum + weights[end], weights[first], weights[end]) <= worst(sum, weights[first], weights[end - 1])) {
        sum += weights[end];
        end += 1;
      }
      const thick = (sum * scale) / side;
      let along = 0;
      for (let n = first; n < end; n += 1) {
        const length = (weights[n] * scale) / thick;
        out.push(w >= h ? { x, y: y + along, w: thick, h: length } : { x: x + along, y, w: length, h: thick });
        along += length;
      }
      if (w >= h) { x += thick; w -= thick; } else { y += thick; h -= thick; }
      rest -= sum;
      first = end;
    }
    return out;
  }

  // What a leaf counts as, for the colours.
  const packageOf = (leaf) => (leaf[PACKAGE] < 0 ? ["", "no package"] : data.packages[leaf[PACKAGE]]);
  const kinds = {
    layer: (leaf) => "layer " + leaf[LAYER],
    package: (leaf) => packageOf(leaf).join(" ").trim(),
    kind: (leaf) => packageOf(leaf)[0] || "no package",
  };

  // As many as can be told apart (Okabe and Ito's palette, in page.css); the rest has the last one.
  const COLOURS = 8;

  function weigh(at, kind, sums) {
    if (at.leaf) sums.set(kind(at.leaf), (sums.get(kind(at.leaf)) ?? 0) + at.bytes);
    for (const one of at.inside.values()) weigh(one, kind, sums);
    return sums;
  }

  // The names that have colours here, the largest first, each with its bytes; and which of them a box has.
  function paint(at) {
    const kind = kinds[colour.value];
    const parts = kind ? [...weigh(at, kind, new Map())] : sorted(at).map((one) => [one.name, one.bytes]);
    const names = parts.filter((part) => part[1] > 0).sort((a, b) => b[1] - a[1]);
    const numbers = new Map(names.map((part, n) => [part[0], Math.min(n, COLOURS)]));
    const most = (one) => [...weigh(one, kind, new Map())].sort((a, b) => b[1] - a[1])[0];
    const of = (one, above) => {
      if (!kind) return above ?? numbers.get(one.name) ?? COLOURS;
      return numbers.get(most(one)?.[0]) ?? COLOURS;
    };
    return { names, of };
  }

  function tellColours(names) {
    const entries = names.slice(0, COLOURS).map((part, n) => [part[0] + "  " + size(part[1]), n]);
    const rest = names.slice(COLOURS);
    if (rest.length > 0) {
      entries.push([rest.length + " others  " + size(rest.reduce((sum, part) => sum + part[1], 0)), COLOURS]);
    }
    legend.replaceChildren(...entries.map(([text, number]) => {
      const entry = document.createElement("span"), sample = document.createElement("i");
      entry.setAttribute("role", "listitem");
      sample.className = "c" + number;
      entry.append(sample, text);
      return entry;
    }));
  }

  // The leaves below that have the text in their paths.
  function search(at, path, text, found) {
    for (const one of sorted(at)) {
      const its = [...path, one.name];
      if (one.leaf && its.join("/").toLowerCase().includes(text)) found.push([one, its]);
      search(one, its, text, found);
    }
    return found;
  }

  function describe(one, path, view, whole) {
    const full = path.join("/");
    const slash = view === "folder" || view === "waste" ? "/" : "";
    const words = [slash + full || "all " + view + "s", size(one.bytes)];
    if (whole > 0) words.push(((100 * one.bytes) / whole).toFixed(1) + " %");
    if (one.files !== 1) words.push(one.files + " files");
    if (one.leaf && one.files === 1) {
      const layer = data.layers[one.leaf[LAYER] - 1];
      words.push("layer " + one.leaf[LAYER] + (layer ? ": " + layer : ""));
      if (one.leaf[PACKAGE] >= 0) words.push("package " + data.packages[one.leaf[PACKAGE]].join(" "));
    }
    if (one.lost > 0) words.push((one.lost === one.bytes ? "all" : size(one.lost)) + " of it not in the image any more");
    return words.join(" · ");
  }

  const HEAD = 18, DEEPEST = 5, MOST_BOXES = 1500;

  function draw() {
    const { view, path, at } = place();
    const whole = tree(view).bytes;
    const text = find.value.trim().toLowerCase();
    const found = text ? search(at, path, text, []) : null;
    // What is found, and all that it is in.
    const kept = found && new Set(found.flatMap(([, its]) => its.map((_, n) => its.slice(0, n + 1).join("/"))));
    const { names, of: colourOf } = paint(at);
    map.replaceChildren();
    const boxes = document.createDocumentFragment();
    let drawn = 0;
    const fill = (of, ofPath, space, depth, above) => {
      const inside = sorted(of).filter((one) => one.bytes > 0);
      const places = squares(inside.map((one) => one.bytes), space);
      places.forEach((box, n) => {
        if (box.w < 3 || box.h < 3 || drawn >= MOST_BOXES) return;
        drawn += 1;
        const one = inside[n], its = [...ofPath, one.name], isFolder = one.inside.size > 0;
        const button = document.createElement("button");
        const number = colourOf(one, above);
        const isOpen = isFolder && depth + 1 < DEEPEST && box.w > 40 && box.h > HEAD + 20;
        button.type = "button";
        button.className = ["c" + number, "d" + Math.min(depth, 2), isFolder ? "folder" : "file", isOpen ? "open" : "",
          one.lost === one.bytes ? "lost" : "", kept && !kept.has(its.join("/")) ? "dim" : ""].join(" ");
        button.dataset.name = one.name;
        button.tabIndex = depth === 0 ? 0 : -1;
        Object.assign(button.style, {
          left: box.x + "px", top: box.y + "px", width: box.w + "px", height: box.h + "px",
        });
        if (box.w > 30 && box.h > 13) {
          const label = document.createElement("span");
          label.textContent = one.name + (box.w > 110 ? "  " + size(one.bytes) : "");
          button.append(label);
        }
        const words = describe(one, its, view, whole);
        button.setAttribute("aria-label", words);
        button.title = words;
        const tell = () => { about.textContent = words; };
        button.addEventListener("mouseenter", tell);
        button.addEventListener("focus", tell);
        if (isFolder) button.addEventListener("click", () => { location.hash = address(view, its); });
        boxes.append(button);
        if (isOpen) {
          fill(one, its, { x: box.x + 2, y: box.y + HEAD, w: box.w - 4, h: box.h - HEAD - 2 }, depth + 1, number);
        }
      });
    };
    fill(at, path, { x: 0, y: 0, w: map.clientWidth, h: map.clientHeight }, 0, null);
    map.append(boxes);
    map.dataset.at = address(view, path).slice(1);
    map.dataset.bytes = at.bytes;
    tellColours(names);
    way(view, path);
    if (found) {
      const bytes = found.reduce((sum, [one]) => sum + one.bytes, 0);
      about.textContent = "“" + find.value.trim() + "”: " + found.length + " found, " + size(bytes);
      table(found.map(([one, its]) => [one, its.slice(path.length).join("/"), address(view, its.slice(0, -1))]));
    } else {
      about.textContent = describe(at, path, view, whole);
      table(sorted(at).map((one) => [one, one.name, one.inside.size > 0 ? address(view, [...path, one.name]) : null]));
    }
  }

  function link(text, to) {
    const one = document.createElement("a");
    one.textContent = text;
    one.href = to;
    return one;
  }

  function way(view, path) {
    for (const one of document.querySelectorAll("#views a")) {
      if (one.dataset.view === view) one.setAttribute("aria-current", "page");
      else one.removeAttribute("aria-current");
    }
    crumbs.replaceChildren(link(view === "folder" ? "/" : view, address(view, [])));
    path.forEach((name, n) => crumbs.append(" › ", link(name, address(view, path.slice(0, n + 1)))));
  }

  function table(all) {
    const rows = all.slice(0, 200).map(([one, text, to]) => {
      const row = document.createElement("tr"), name = document.createElement("td");
      name.className = "name";
      name.append(to === null ? text : link(text, to));
      row.append(name);
      for (const text of [size(one.bytes), one.files, one.lost > 0 ? size(one.lost) : ""]) {
        const cell = document.createElement("td");
        cell.className = "n";
        cell.textContent = text;
        row.append(cell);
      }
      return row;
    });
    list.replaceChildren(...rows);
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && event.target.tagName !== "INPUT") {
      event.preventDefault();
      find.focus();
    }
    if (event.key !== "Escape" && event.key !== "Backspace") return;
    if (event.target === find) {
      if (event.key === "Escape") { find.value = ""; draw(); map.querySelector("button")?.focus({ preventScroll: true }); }
      return;
    }
    const { view, path } = place();
    if (path.length === 0) return;
    event.preventDefault();
    location.hash = address(view, path.slice(0, -1));
  });
  // The layers tell most, where there are several.
  colour.value = data.layers.length > 1 ? "layer" : "part";
  let last = place();
  window.addEventListener("hashchange", () => {
    const now = place(), came = last.path[now.path.length];
    last = now;
    draw();
    if (document.activeElement === find) return;
    // Where it came from, on the way up.
    const boxes = [...map.querySelectorAll("button.d0")];
    (boxes.find((one) => one.dataset.name === came) ?? boxes[0])?.focus({ preventScroll: true });
  });
  $("tools").addEventListener("submit", (event) => event.preventDefault());
  find.addEventListener("input", draw);
  colour.addEventListener("change", draw);
  window.addEventListener("resize", draw);
  draw();
})();
