/** A record cannot become an entry; the text says why. */
export class EntryRefused extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'EntryRefused';
  }
}
