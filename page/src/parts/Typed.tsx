/** Fields whose value is the address's; what is being typed is held only as long as the field has the focus. */
import { useState } from "react";

type Passed = Omit<React.ComponentProps<"input">, "value" | "defaultValue" | "onChange" | "onBlur">;

interface Typed extends Passed {
  value: string;
  /** Is told of each key. */
  onType: (value: string) => void;
}

export function TypedInput({ value, onType, ...passed }: Typed) {
  const [written, setWritten] = useState<string | null>(null);
  return (
    <input
      {...passed}
      value={written ?? value}
      onChange={(event) => {
        setWritten(event.target.value);
        onType(event.target.value);
      }}
      onBlur={() => setWritten(null)}
    />
  );
}

interface TypedNumber extends Omit<Passed, "min" | "max"> {
  value: number | undefined;
  min: number;
  max?: number;
  /** Is told of each number that is whole and within the bounds; undefined when the field is empty. */
  onNumber: (value: number | undefined) => void;
}

export function NumberInput({ value, min, max = Number.MAX_VALUE, onNumber, ...passed }: TypedNumber) {
  const type = (text: string) => {
    const number = Number(text);
    if (text.trim() === "") onNumber(undefined);
    else if (number >= min && number <= max) onNumber(number);
  };
  return (
    <TypedInput
      type="text"
      inputMode="decimal"
      {...passed}
      {...(passed.type === "number" ? { min, max } : {})}
      value={value === undefined ? "" : String(value)}
      onType={type}
    />
  );
}
