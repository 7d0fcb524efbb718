import type { ComponentProps } from "react";

interface Shown extends Omit<ComponentProps<"input">, "value" | "onChange"> {
  value: string;
  onChange: (value: string) => void;
}

/** A field for an option without a value: "true", or nothing. */
export function Flag({ value, onChange, ...shared }: Shown) {
  return (
    <input
      {...shared}
      type="checkbox"
      checked={value === "true"}
      onChange={(change) => onChange(change.target.checked ? "true" : "")}
    />
  );
}
