# What a cancelled call has sent is not counted.
include("${CMAKE_CURRENT_LIST_DIR}/plant.cmake")
replace([[    if (record.sent) {
      if (!actual)]] [[    if (record.sent && outcome.failure && outcome.failure->failure == FailureClass::cancelled) {
      for (Gauge& gauge : ledger.gauges()) {
        gauge.adjust(-amount_of(gauge.counts, record.charge), record.sent_at, now, calendar);
      }
      return true;
    }
    if (record.sent) {
      if (!actual)]])
plant()
