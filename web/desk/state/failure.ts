// What can go wrong when the box is asked.
import { sentence } from "./words";

/** What the box refused, in its words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly errors: { code: string; message: string }[],
    readonly requestId = "",
  ) {
    super(errors.map((error) => sentence(error.message)).join(" "));
  }

  get code() {
    return this.errors[0]?.code ?? "";
  }

  /** The faults by the field that they name; what names none stands under the empty one. */
  faults(): Map<string, string> {
    const faults = new Map<string, string>();
    for (const { message } of this.errors) {
      const [, field = "", missing, why = message] = /^data\.([\w.[\]]+)( is missing)?: (.*)$/s.exec(message) ?? [];
      const said = missing ? "This is needed." : sentence(why);
      faults.set(field, [faults.get(field), said].filter(Boolean).join(" "));
    }
    return faults;
  }
}

export function refusal(status: number, told: any) {
  const errors = told?.errors ?? [{ code: "", message: `the box answered ${status}` }];
  return new Refused(status, errors, told?.meta?.request_id);
}

/** The box could not be reached. */
export class Unreached extends Error {
  constructor() {
    super("The box can’t be reached.");
  }
}
