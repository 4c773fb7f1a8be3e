// The outcomes of a webhook's deliveries, in few words.

/** Return "200", "500, 200" or "sem resposta ×4": the outcomes in order, equal neighbours counted. */
export function outcomes(attempts) {
  const groups = [];
  for (const { status } of attempts) {
    const word = status ? String(status) : "sem resposta";
    if (groups.at(-1)?.word === word) groups.at(-1).times += 1;
    else groups.push({ word, times: 1 });
  }
  return groups.map(({ word, times }) => (times > 1 ? `${word} ×${times}` : word)).join(", ") || "nenhuma tentativa ainda";
}
