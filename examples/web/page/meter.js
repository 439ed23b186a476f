const WINDOW_MS = 2000;
const UPDATE_MS = 500;

/** Frames a second and ms a frame over the last two seconds, told twice a second; null where there are none. */
export class Meter {
  constructor(tell) {
    this.tell = tell;
    this.reset();
  }

  reset() {
    this.frames = [];
    this.told = -Infinity;
    this.tell({ fps: null, ms: null });
  }

  /** A frame was painted, and the network took `ms`. */
  count(ms) {
    const now = performance.now();
    this.frames = this.frames.filter(({ at }) => now - at < WINDOW_MS);
    this.frames.push({ at: now, ms });
    if (now - this.told < UPDATE_MS) return;
    this.told = now;
    const { length } = this.frames;
    const seconds = (now - this.frames[0].at) / 1000;
    const mean = this.frames.reduce((sum, { ms }) => sum + ms, 0) / length;
    this.tell({ fps: length > 1 ? (length - 1) / seconds : null, ms: mean });
  }
}
