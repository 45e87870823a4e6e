// How much of something is used, as a bar and in words; and how that was in the last minutes.

interface MeterProps {
  readonly name: string;
  readonly text: string;
  /** 0 to 1. */
  readonly share: number;
  /** Shares, oldest first. */
  readonly past?: readonly number[];
}

/** From here on it deserves a look. */
const HIGH = 0.85;
const WIDTH = 120;
const HEIGHT = 28;

export function Meter({ name, text, share, past = [] }: MeterProps) {
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 100);
  return (
    <div class="meter">
      <div class="meter-words">
        <span>{name}</span>
        <strong>{text}</strong>
      </div>
      <div
        class={`meter-bar ${share >= HIGH ? "high" : ""}`}
        role="meter"
        aria-label={name}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={text}
      >
        <span style={{ width: `${percent}%` }} />
      </div>
      {past.length > 1 && (
        <svg class="past" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          <polyline points={line(past)} />
        </svg>
      )}
    </div>
  );
}

function line(past: readonly number[]): string {
  const step = WIDTH / (past.length - 1);
  const y = (share: number): number => HEIGHT - 1 - Math.min(1, Math.max(0, share)) * (HEIGHT - 2);
  return past.map((share, at) => `${(at * step).toFixed(1)},${y(share).toFixed(1)}`).join(" ");
}
