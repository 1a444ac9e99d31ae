package view_test

import (
	"testing"

	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/chromedp"

	"github.com/labkv/labkv/lab/web/browser"
)

// A log of 100,000 events is shown at once, and moves with the pointer. How fast depends
// on the machine and on what else it does: the test logs that, and bounds only what no
// reader would wait for.
func TestLargeLog(t *testing.T) {
	p := open(t, 1400, 900, synthetic(4, 100_000))
	paint := browser.Eval[float64](p, `performance.getEntriesByType("paint").map(e => e.startTime).pop() || 0`)
	ready := browser.Eval[float64](p, `performance.getEntriesByName("shown")[0].startTime`)
	t.Logf("first paint after %.0f ms, the diagram after %.0f ms", paint, ready)
	if ready > 60_000 {
		t.Errorf("the diagram is there after %.0f ms", ready)
	}
	browser.Call(p, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
	busy := func() float64 {
		for _, m := range browser.Call(p, performance.GetMetrics, struct{}{}).Metrics {
			if m.Name == "TaskDuration" {
				return m.Value
			}
		}
		t.Fatal("Chromium does not say how long tasks take")
		return 0
	}
	for _, zoom := range []struct{ what, keys string }{{"some hundred messages", ""}, {"ten times as many", "---"}, {"the whole run", "0"}} {
		p.Do(chromedp.KeyEvent(zoom.keys))
		before := busy()
		frames := browser.Eval[float64](p, `new Promise(done => {
			const canvas = document.querySelector("#diagrams canvas");
			let n = 0;
			const begin = performance.now();
			const frame = () => {
				if (performance.now() - begin > 2000 && n >= 10) { done(n * 1000 / (performance.now() - begin)); return; }
				n++;
				canvas.dispatchEvent(new WheelEvent("wheel", {deltaX: n % 40 < 20 ? 60 : -60, deltaY: 0, clientX: 600, clientY: 500, cancelable: true}));
				requestAnimationFrame(frame);
			};
			requestAnimationFrame(frame);
		})`)
		t.Logf("panning over %s: %.0f frames a second, %.1f ms of the processor each", zoom.what, frames, (busy()-before)*1000/frames/2)
		if frames < 1 {
			t.Errorf("panning over %s: %.1f frames a second", zoom.what, frames)
		}
	}
}
