// What can be painted: a picture, a clip, a camera. Each has `width`, `height`, `image` (what createImageBitmap takes),
// `close`, and where it moves `video` and `failed`, a promise that is rejected when it ends before its time.

/** A dropped or chosen file, as a picture or else as a clip; `fresh` is called whenever it shows another frame. */
export async function openFile(file, fresh) {
  if (!file.type.startsWith("video/")) {
    const image = await createImageBitmap(file).catch(() => null);
    if (image) return { image, width: image.width, height: image.height, close: () => image.close() };
  }
  const url = URL.createObjectURL(file);
  const video = Object.assign(document.createElement("video"), { src: url, loop: true });
  const problem = `This browser cannot show ${file.name}. Try an MP4 or WebM clip, or a JPEG or PNG picture.`;
  return play(video, fresh, () => URL.revokeObjectURL(url), problem);
}

const CAMERA_PROBLEMS = {
  NotFoundError: "There is no camera here.",
  NotAllowedError: "The camera may not be used: allow it in the browser's address bar and try again.",
  NotReadableError: "Another program is using the camera.",
};

/** The camera, once its user allows it. */
export async function openCamera(fresh) {
  if (!navigator.mediaDevices) throw new Error("Cameras work on https and on localhost only.");
  const wanted = { video: { width: { ideal: 640 }, height: { ideal: 360 } } };
  const stream = await navigator.mediaDevices.getUserMedia(wanted).catch((problem) => {
    throw new Error(CAMERA_PROBLEMS[problem.name] ?? `The camera does not work: ${problem.message}`);
  });
  const video = Object.assign(document.createElement("video"), { srcObject: stream });
  const [track] = stream.getVideoTracks();
  track.addEventListener("ended", () => video.dispatchEvent(new Event("error")));
  return play(video, fresh, () => track.stop(), "The camera sends no picture.");
}

async function play(video, fresh, release, problem) {
  let open = true;
  const close = () => {
    open = false;
    video.pause();
    release();
  };
  const next = () => {
    if (!open) return;
    fresh();
    video.requestVideoFrameCallback(next);
  };
  const failed = new Promise((_, reject) => {
    video.addEventListener("error", () => reject(new Error(problem)));
  });
  Object.assign(video, { muted: true, playsInline: true });
  video.requestVideoFrameCallback(next);
  try {
    // A damaged clip leaves play() waiting for ever.
    await Promise.race([video.play(), failed]);
    if (!video.videoWidth) throw new Error("sound only");
  } catch {
    close();
    throw new Error(problem);
  }
  return { image: video, video, failed, width: video.videoWidth, height: video.videoHeight, close };
}
