/** A handler of key presses: arrow keys, Home and End move the choice, and the focus with it once it is drawn.
 * place() gives [current, n], or no n while nothing is shown. */
export function arrowKeys(sight, forwards, backwards, place, choose, button) {
  return (event) => {
    const [current, n] = place();
    const to = { [forwards]: current + 1, [backwards]: current - 1, Home: 0, End: n - 1 }[event.key];
    if (to === undefined || !n || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const next = Math.min(n - 1, Math.max(0, to));
    choose(next);
    queueMicrotask(() => {
      sight.reveal(next);
      button(sight.at(next)).focus({ preventScroll: true });
    });
  };
}

/** The items of a long row or column of things that are in sight, and a few more: only these exist and are drawn. When the
 * reader scrolls, the same nodes are filled with other items; padding takes the place of the items before, and the size that of all. */
export class VirtualList {
  /** @param {{view: HTMLElement, space: HTMLElement, across: boolean, size: number, room: number, head?: number, build: () => any}} parts
   * view scrolls, space inside it holds the nodes; size is that of one item and room that of the view, in px, until the
   * view can be measured; head is what covers the view's first px */
  constructor({ view, space, across, size, room, head = 0, build }) {
    this.view = view;
    this.space = space;
    this.across = across;
    this.size = size;
    this.room = room;
    this.head = head;
    this.build = build;
    /** @type {any[]} */
    this.all = []; // the items that exist, in order
    this.n = 0;
    this.current = 0;
    this.start = 0; // the first of them
    this.offset = 0; // px scrolled
    this.wanted = 0; // the item to be seen when there is room
    this.draw = (_item, _i, _stop) => {};
    this.view.addEventListener("scroll", () => this.scrolled());
    this.observer = new ResizeObserver(([{ contentRect }]) => {
      const room = this.across ? contentRect.width : contentRect.height;
      if (room && room !== this.room) {
        this.room = room;
        this.fill();
        if (this.wanted < this.n) this.reveal(this.wanted);
      }
    });
    this.observer.observe(this.view);
  }

  /** Show n items, one of them the current; draw(item, i, stop) fills the node of one with the i-th, and stop says whether
   * the Tab key stops there: at the current one, or at the first in sight when that is scrolled away. */
  show(n, current, draw) {
    if (this.n !== n) this.space.style[this.across ? "width" : "height"] = `${n * this.size}px`;
    this.n = n;
    this.current = current;
    this.draw = draw;
    this.fill();
  }

  fill() {
    const count = Math.min(this.n, Math.ceil(this.room / this.size) + 3);
    const start = Math.max(0, Math.min(Math.floor(this.offset / this.size) - 1, this.n - count));
    while (this.all.length < count) {
      this.all.push(this.build());
      this.space.append(this.all.at(-1).node);
    }
    while (this.all.length > count) this.all.pop().node.remove();
    this.turn(start - this.start);
    this.start = start;
    this.space.style[this.across ? "paddingLeft" : "paddingTop"] = `${start * this.size}px`;
    const stop = this.current >= start && this.current < start + count ? this.current : start;
    this.all.forEach((item, i) => {
      item.index = start + i;
      this.draw(item, item.index, item.index === stop);
    });
  }

  /** Move nodes from one end to the other, so that an item that stays in sight keeps its node, and its focus. */
  turn(by) {
    if (Math.abs(by) >= this.all.length) return;
    for (let i = 0; i < by; i++) {
      this.all.push(this.all.shift());
      this.all.at(-2).node.after(this.all.at(-1).node);
    }
    for (let i = 0; i > by; i--) {
      this.all.unshift(this.all.pop());
      this.all[1].node.before(this.all[0].node);
    }
  }

  scrolled() {
    const before = Math.floor(this.offset / this.size);
    this.offset = this.across ? this.view.scrollLeft : this.view.scrollTop;
    if (Math.floor(this.offset / this.size) !== before) this.fill();
  }

  /** Scroll the view, and never the page, until item i can be seen. The view is not asked for its state, which would make
   * the browser lay the page out once more. */
  reveal(i) {
    this.wanted = i;
    const at = i * this.size;
    const room = this.room - this.head;
    if (at >= this.offset && at + this.size <= this.offset + room) return;
    this.offset = Math.round(Math.max(0, Math.min(at + this.size / 2 - room / 2, this.n * this.size - room)));
    this.fill();
    // Scrolling makes the browser lay the page out at once: once for all views, when everything is drawn.
    queueMicrotask(() => {
      this.view[this.across ? "scrollLeft" : "scrollTop"] = this.offset;
    });
  }

  at(i) {
    return this.all.find((item) => item.index === i);
  }
}
