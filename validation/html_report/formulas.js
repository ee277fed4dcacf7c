// The closed forms of mli_theory for the report's explorer: numbers in, numbers out, no page.
//
// On the homogeneous path the logits are z(alpha) = alpha^r s + alpha b: signal s, one row of k numbers a
// sample; bias b, k numbers; labels; degree r; sizes to 1e150. alpha = 0 is the start, alpha = 1 the trained
// network; losses are natural logarithms, averaged over samples, and a tie for the label is an error. T1 to
// T11 are the theorems of docs/theory. tests/validation/html_report/test_report_formulas.py holds every function beside
// mli_theory. Input outside a theorem's hypotheses throws a RangeError that shows the value.
"use strict";

const formulas = (() => {
  const BIAS_PATHS = ["linear", "homogeneous", "none"];

  // ---- The homogeneous path: loss and error (T1, T3, T5) ----------------------------------------------

  // Loss and error at every alpha in [0, 1]. biasPath: "linear" (alpha b), "homogeneous" (alpha^r b), "none".
  function predictCurves(signal, bias, labels, degree, alphas, biasPath = "linear") {
    checkProblem(signal, bias, labels, degree, 2, "T1");
    need(BIAS_PATHS.includes(biasPath), `biasPath must be one of ${BIAS_PATHS}, got ${biasPath}`);
    const used = biasPath === "none" ? bias.map(() => 0) : bias;
    const loss = [];
    const error = [];
    for (const alpha of alphas) {
      need(alpha >= 0 && alpha <= 1, `T1 holds for alpha in [0, 1], got ${alpha}`);
      if (alpha === 0) {  // all logits tie
        loss.push(Math.log(bias.length));
        error.push(1);
        continue;
      }
      const power = alpha ** degree;
      const biasFactor = biasPath === "linear" ? alpha : power;
      // z = alpha^r z(1) is right on all of (0, 1] or nowhere: judged at 1.
      const judged = biasPath === "linear" ? alpha : 1;
      let total = 0;
      let wrong = 0;
      signal.forEach((row, j) => {
        total += sampleLoss(row, used, labels[j], power, biasFactor);
        wrong += isCorrect(row, used, labels[j], degree, judged) ? 0 : 1;
      });
      loss.push(total / signal.length);
      error.push(wrong / signal.length);
    }
    return { alphas: [...alphas], loss, error };
  }

  // Cross-entropy of the logits f s + g b from their differences to the label's: 1 - p is never formed.
  function sampleLoss(row, bias, label, f, g) {
    const odds = [];
    for (let i = 0; i < row.length; i++) {
      if (i !== label) odds.push(f * (row[i] - row[label]) + g * (bias[i] - bias[label]));
    }
    return logOnePlusSumExp(odds);
  }

  // log(1 + sum of e^x), without overflow and exact for sums far below 1e-16.
  function logOnePlusSumExp(odds) {
    const top = Math.max(...odds);
    if (top <= 0) return Math.log1p(odds.reduce((sum, x) => sum + Math.exp(x), 0));
    return top + Math.log(odds.reduce((sum, x) => sum + Math.exp(x - top), Math.exp(-top)));
  }

  // Whether the label's logit is strictly the largest at alpha in (0, 1]; exact for every double.
  function isCorrect(row, bias, label, degree, alpha) {
    const beta = alpha ** (degree - 1);
    for (let i = 0; i < row.length; i++) {
      if (i === label) continue;
      const ahead = beta * (row[label] - row[i]);
      const behind = bias[i] - bias[label];
      const lead = ahead - behind;
      // Rounding is below 1e-14 of the terms, short of underflow: what is nearer to a tie, integers decide.
      const clear = beta > 1e-290 && Math.abs(lead) > 1e-12 * (Math.abs(ahead) + Math.abs(behind));
      if (!(clear ? lead > 0 : exactLead(row, bias, label, i, degree - 1, alpha) > 0n)) return false;
    }
    return true;
  }

  // T1: the open interval of alpha on which a sample is correct, [lo, hi]; hi = Infinity if it still is at
  // alpha = 1, [NaN, NaN] if it never is. The ends are rounded to nearest; which case it is, is exact.
  function correctInterval(row, bias, label, degree) {
    checkProblem([row], bias, [label], degree, 2, "T1");
    let lo = { value: 0, c: 0n, d: 1n };
    let hi = { value: Infinity, c: 1n, d: 0n };
    for (let i = 0; i < row.length; i++) {
      if (i === label) continue;
      const d = integer(row[label]) - integer(row[i]);
      const c = integer(bias[i]) - integer(bias[label]);
      if (d === 0n && c >= 0n) return [NaN, NaN];
      const value = (bias[i] - bias[label]) / (row[label] - row[i]);
      if (d > 0n && c * lo.d > lo.c * d) lo = { value, c, d };
      if (d < 0n && -c * hi.d < hi.c * -d) hi = { value, c: -c, d: -d };
    }
    if (lo.c >= lo.d || hi.c * lo.d <= lo.c * hi.d) return [NaN, NaN];
    const root = (value) => value ** (1 / (degree - 1));
    return [lo.c > 0n ? root(lo.value) : 0, hi.c <= hi.d ? root(hi.value) : Infinity];
  }

  // ---- The plateau (T2) -------------------------------------------------------------------------------

  // Every sample is predicted as the class of the largest bias on (0, end); there the error is `error`.
  // errorEnd: the alpha to which the error itself is constant, if every sample is correct at alpha = 1.
  function plateau(signal, bias, labels, degree) {
    checkProblem(signal, bias, labels, degree, 2, "T2");
    const majorityClass = bias.indexOf(Math.max(...bias));
    const tied = bias.filter((b) => b === bias[majorityClass]).length;
    need(tied === 1, `T2 needs a unique largest bias, but ${tied} classes share ${bias[majorityClass]}`);
    let end = Infinity;
    let errorEnd = Infinity;
    let wrong = 0;
    let allCorrect = true;
    signal.forEach((row, j) => {
      const [lo, hi] = correctInterval(row, bias, labels[j], degree);
      allCorrect &&= hi === Infinity;
      end = Math.min(end, correctInterval(row, bias, majorityClass, degree)[1]);
      if (labels[j] !== majorityClass) {
        wrong += 1;
        errorEnd = Math.min(errorEnd, lo);
      }
    });
    return { end, error: wrong / signal.length, majorityClass, errorEnd: allCorrect ? errorEnd : NaN };
  }

  // The first alpha at which the share `spent` of the whole fall is spent: `validation.metrics.plateau_end`.
  function plateauEnd(alphas, values, spent = 0.1) {
    const [first, last] = [values[0], values[values.length - 1]];
    if (!values.every(Number.isFinite) || !(last < first)) return NaN;
    const level = Math.max(first - spent * (first - last), last);
    const index = values.findIndex((value) => value <= level);
    if (index === 0) return alphas[0];
    const share = (values[index - 1] - level) / (values[index - 1] - values[index]);
    return Math.min(alphas[index - 1] + share * (alphas[index] - alphas[index - 1]), alphas[index]);
  }

  // ---- The rise of the loss (T4) ----------------------------------------------------------------------

  // Where and how far the loss rises above log k: leading order, or the next one too. Balanced, degree >= 3.
  function lossBump(signal, bias, labels, degree, nextOrder = false) {
    checkProblem(signal, bias, labels, degree, 3, "T4 (the bump)");
    const k = bias.length;
    const counts = bias.map((_, c) => labels.filter((label) => label === c).length);
    need(counts.every((n) => n === counts[0]), `T4 (the bump) needs balanced classes, got ${counts} samples`);
    const centre = mean(bias.map((value) => value - bias[0]));
    const b = bias.map((value) => value - bias[0] - centre);  // exactly 0 for equal biases
    const V = mean(b.map((value) => value ** 2));
    const K = mean(b.map((value) => value ** 3));
    const M = mean(signal.map((row, j) => row[labels[j]] - mean(row)));
    need(M > 0, `T4 (the bump) needs M > 0, the mean of s_y - mean_c s_c, got ${M}`);
    need(degree * M > V, `T4 (the bump) needs V < r M, got V = ${V} and r M = ${degree * M}`);
    const alpha = (V / (degree * M)) ** (1 / (degree - 2));
    const height = ((degree - 2) / (2 * degree)) * V * alpha ** 2;
    const smallParameter = alpha * Math.max(...b.map(Math.abs));
    if (nextOrder && V > 0) {
      const C = mean(b.map((value, c) => value * mean(signal.map((row, j) => row[c] - row[labels[j]]))));
      const later = (alpha * (K / (2 * V) + ((degree + 1) * C) / (degree * M))) / (degree - 2);
      const higher = (alpha ** 3 * (K / 6 + (C * V) / (degree * M))) / height;
      const small = smallParameter < 1 && Math.abs(later) < 1 && Math.abs(higher) < 1 && alpha * (1 + later) <= 1;
      need(small, `T4 (the bump) at next order needs a small parameter below 1, got ${smallParameter}`);
      return { alpha: alpha * (1 + later), height: height * (1 + higher), smallParameter };
    }
    return { alpha, height, smallParameter };
  }

  // ---- The power model's plateau law (T11) -----------------------------------------------------------

  // k classes, degree r >= 3, final loss eps; regime "small_scale", law (a), or "small_loss", law (b).
  function plateauLaw(nClasses, degree, finalLoss, regime = "small_scale", nextOrder = false) {
    const law = lawOf(nClasses, degree, regime, nextOrder);
    need(finalLoss > 0 && finalLoss < Infinity, `T11 needs a final loss > 0 and finite, got ${finalLoss}`);
    const lowest = law.lowestSignal();
    const largest = law.largestLoss(lowest);
    need(finalLoss < largest, `T11 needs a final loss below ${largest}, got ${finalLoss}`);
    const signal = law.signal(Math.log(finalLoss), lowest);
    const biasGap = law.gap(signal);
    const beta = biasGap / signal;
    return { biasGap, signal, beta, plateauEnd: beta ** (1 / (degree - 1)) };
  }

  // The loss below which plateauLaw has its solution.
  function largestAdmissibleLoss(nClasses, degree, regime = "small_scale", nextOrder = false) {
    const law = lawOf(nClasses, degree, regime, nextOrder);
    return law.largestLoss(law.lowestSignal());
  }

  // The pair of equations of mli_theory.power_model.plateau_laws, where they and their solution are explained.
  function lawOf(k, r, regime, nextOrder) {
    need(Number.isInteger(k) && k >= 2, `T11 needs an integer number of classes >= 2, got ${k}`);
    need(Number.isInteger(r) && r >= 3, `T11 needs an integer degree >= 3, got ${r}`);
    need(["small_scale", "small_loss"].includes(regime), `T11 knows no regime ${regime}`);
    const active = regime === "small_scale" ? 1 : k - 1;
    const q = 2 - 2 / r;
    const factor = r ** 2 / (regime === "small_scale" ? 4 : 2 * k);
    const growth = (v) => factor * v ** q;
    const drift = (v, x) => (nextOrder ? (q * (x / (1 + x)) ** 2) / v : 0);
    function logLoss(v) {
      const x = growth(v);
      const u = drift(v, x);
      const value = Math.log(active / k) + Math.log(2 + x) - (Math.log1p(x) + v + Math.log1p(u)) / 2;
      const drifting = (u / (v * (1 + u))) * ((2 * q) / (1 + x) - 1);
      const slope = ((q / v) * x * x) / ((1 + x) * (2 + x)) - 1 - drifting;
      return [value, slope / 2];
    }
    return {
      lowestSignal() {
        const twiceGap = (v) => [v - Math.log1p(growth(v)), 1 - ((q / v) * growth(v)) / (1 + growth(v))];
        return twiceGap(q)[0] < 0 ? risingRoot(twiceGap, q, 2 * Math.log1p(factor) + 8) : q;
      },
      largestLoss: (lowest) => Math.min((k - 1) / k, Math.exp(logLoss(lowest)[0])),
      signal(target, lowest) {
        const reach = Math.log((2 * active) / k) - target + Math.log1p(factor) / 2;
        const excess = (v) => {
          const [value, slope] = logLoss(v);
          return [target - value, -slope];
        };
        return risingRoot(excess, lowest, Math.max(4 * Math.max(reach, 0) + 8, lowest));
      },
      gap: (v) => (v - Math.log1p(growth(v)) + Math.log1p(drift(v, growth(v)))) / 2,
    };
  }

  // The root of a rising function in [low, high]: Newton's step, bisection where it leaves the bracket.
  function risingRoot(f, low, high) {
    let v = high;
    for (let turn = 0; turn < 200; turn++) {
      const [value, slope] = f(v);
      if (value <= 0) low = v;
      else high = v;
      let step = v - value / slope;
      if (!(step >= low && step <= high)) step = (low + high) / 2;
      const done = Math.abs(step - v) <= 4 * Number.EPSILON * v;
      v = step;
      if (done) break;
    }
    return v;
  }

  // ---- The explorer's trained network -----------------------------------------------------------------

  // k balanced classes of `perClass` samples. A sample's signal is on its label alone, between
  // signal (1 - signalSpread) and signal. The last class has the largest bias, `biasGap` above the next; the
  // others are spread evenly over `biasSpread`, and all are shifted to the sum 0 (T8).
  // `heldByBias`: as T11 has it, the last class has no signal, its bias alone carries it; and a class whose
  // bias lies a further nat below has 2 nats more signal, as v = 2 gap + log(1 + x) says but for the log.
  function exampleNetwork(of) {
    const { nClasses, signal, signalSpread, biasGap, biasSpread, heldByBias = false, perClass = 8 } = of;
    const others = nClasses - 1;
    const below = Array.from({ length: others }, (_, c) =>
      others > 1 ? (biasSpread * (others - 1 - c)) / (others - 1) : 0);
    const raw = [...below.map((further) => -biasGap - further), 0];
    const sizes = heldByBias ? [...below.map((further) => signal + 2 * further), 0] : raw.map(() => signal);
    const shift = mean(raw);
    const labels = [];
    const rows = [];
    for (let c = 0; c < nClasses; c++) {
      for (let j = 0; j < perClass; j++) {
        const size = sizes[c] * (1 - (signalSpread * (j + 0.5)) / perClass);
        labels.push(c);
        rows.push(raw.map((_, i) => (i === c ? size : 0)));
      }
    }
    return { signal: rows, bias: raw.map((value) => value - shift), labels };
  }

  // The factor t at which the trained logits t (s + b) have the mean loss `finalLoss`. Every sample must be
  // correct at alpha = 1: then the loss falls from log k at t = 0 to 0.
  function logitScale(signal, bias, labels, finalLoss) {
    checkProblem(signal, bias, labels, 2, 2, "a final loss");
    const below = finalLoss > 0 && finalLoss < Math.log(bias.length);
    need(below, `a final loss lies between 0 and log k, got ${finalLoss}`);
    const wrong = signal.filter((row, j) => !isCorrect(row, bias, labels[j], 2, 1)).length;
    need(wrong === 0, `${wrong} samples end wrong: no scale of the logits brings every loss down`);
    const loss = (t) => mean(signal.map((row, j) => sampleLoss(row, bias, labels[j], t, t)));
    let [low, high] = [0, 1];
    while (loss(high) > finalLoss) [low, high] = [high, 2 * high];
    for (let middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
      if (loss(middle) > finalLoss) low = middle;
      else high = middle;
    }
    return high;
  }

  // ---- Exact arithmetic and checks --------------------------------------------------------------------

  // A finite double as mantissa * 2^exponent, exactly; the mantissa is a BigInt.
  function parts(x) {
    const bits = new BigUint64Array(new Float64Array([x]).buffer)[0];
    const exponent = Number((bits >> 52n) & 2047n);
    const fraction = bits & ((1n << 52n) - 1n);
    const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n);
    return [x < 0 ? -mantissa : mantissa, Math.max(exponent, 1) - 1075];
  }

  // A finite double as a multiple of the smallest one, 2^-1074.
  function integer(x) {
    const [mantissa, exponent] = parts(x);
    return mantissa << BigInt(exponent + 1074);
  }

  // An integer with the sign of alpha^order (s_y - s_i) + b_y - b_i.
  function exactLead(row, bias, label, i, order, alpha) {
    const [mantissa, exponent] = parts(alpha);
    const signalLead = integer(row[label]) - integer(row[i]);
    const biasLead = integer(bias[label]) - integer(bias[i]);
    return mantissa ** BigInt(order) * signalLead + (biasLead << BigInt(-exponent * order));
  }

  function mean(values) {
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  }

  function checkProblem(signal, bias, labels, degree, least, statement) {
    const k = bias.length;
    const whole = Number.isInteger(degree) && degree >= least;
    need(whole, `${statement} needs an integer degree >= ${least}, got ${degree}`);
    need(k >= 2 && bias.every(Number.isFinite), `${statement} needs at least 2 finite biases, got ${bias}`);
    const n = signal.length;
    need(n > 0 && n === labels.length, `${statement} needs a label a sample, got ${labels.length} for ${n}`);
    for (const row of signal) {
      const fits = row.length === k && row.every(Number.isFinite);
      need(fits, `${statement} needs ${k} finite signals a sample, got ${row}`);
    }
    for (const label of labels) {
      const known = Number.isInteger(label) && label >= 0 && label < k;
      need(known, `labels must lie in 0 .. ${k - 1}, got ${label}`);
    }
  }

  function need(condition, message) {
    if (!condition) throw new RangeError(message);
  }

  return {
    correctInterval,
    exampleNetwork,
    isCorrect,
    largestAdmissibleLoss,
    logitScale,
    lossBump,
    plateau,
    plateauEnd,
    plateauLaw,
    predictCurves,
  };
})();
