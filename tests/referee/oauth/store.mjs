// Where oidc-provider keeps its state: in memory, with an end for each entry.
const entries = new Map();
const byGrant = new Map();

export class Store {
  constructor(model) { this.model = model; }

  key(id) { return `${this.model} ${id}`; }

  async upsert(id, payload, seconds) {
    const until = seconds ? Date.now() + seconds * 1000 : Infinity;
    entries.set(this.key(id), { payload, until });
    if (payload.grantId && this.model !== 'Grant') {
      byGrant.set(payload.grantId, [...(byGrant.get(payload.grantId) ?? []), this.key(id)]);
    }
    if (this.model === 'Session') entries.set(`uid ${payload.uid}`, { payload: id, until });
  }

  async find(id) {
    const found = entries.get(this.key(id));
    return found && found.until > Date.now() ? structuredClone(found.payload) : undefined;
  }

  async findByUid(uid) {
    const id = entries.get(`uid ${uid}`)?.payload;
    return id && this.find(id);
  }

  async findByUserCode() { return undefined; }

  async consume(id) {
    const found = entries.get(this.key(id));
    if (found) found.payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) { entries.delete(this.key(id)); }

  async revokeByGrantId(grantId) {
    for (const key of byGrant.get(grantId) ?? []) entries.delete(key);
    byGrant.delete(grantId);
  }

  // The grant of a user to a client, whichever session it was made in.
  static grantOf(accountId, clientId) {
    for (const [key, { payload }] of entries) {
      const its = payload.accountId === accountId && payload.clientId === clientId;
      if (key.startsWith('Grant ') && its) return key.slice('Grant '.length);
    }
    return undefined;
  }
}
