export function Meter({ share, label, className = "" }: { share: number; label: string; className?: string }) {
  const percent = Math.max(0, Math.min(1, share)) * 100;
  return (
    <span
      className={`meter ${className}`}
      role="meter"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(percent)}
      aria-label={label}
    >
      <span style={{ width: `${percent}%` }} />
    </span>
  );
}
