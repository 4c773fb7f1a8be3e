// Follow the world: request the changes, wait, request again.

import * as api from "./api.js";
import { shift } from "./time.js";

const WAIT_SECONDS = 20; // shorter than the typing indicator, so that it disappears in time
const RETRY_MS = 1000;
const BATCH_MS = 60; // changes in between come in one answer, so that a thousand customers do not stop the page
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Keep the store up to date as long as the page is open. */
export async function follow(store) {
  let after = 0;
  let wait = 0;
  for (;;) {
    try {
      const answer = await api.transcript(after, wait);
      const restarted = answer.revision < after; // another process, which counts from the start: request everything
      after = restarted ? 0 : answer.revision;
      wait = restarted ? 0 : WAIT_SECONDS;
      if (store.apply(answer)) store.setPeople(await api.personas());
      store.connection(true);
      await pause(BATCH_MS);
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      store.connection(false);
      wait = 0;
      await pause(RETRY_MS);
    }
  }
}

/** Read Meta's clock; return its offset from real time in seconds. */
export async function readClock() {
  const { offset_seconds: seconds } = await api.clock();
  shift.ms = seconds * 1000;
  return seconds;
}
