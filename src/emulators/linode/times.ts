/** Times of the API: UTC, whole seconds, no zone. */
export function timeText(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19);
}
