# A place in a window is taken when the request is sent, not when the key is lent.
include("${CMAKE_CURRENT_LIST_DIR}/plant.cmake")
replace([[gauge.pending += amount_of(gauge.counts, charge);]] [[]])
replace([[    gauge.pending -= amount;
    gauge.send]] [[    gauge.send]])
replace([[if (lease >= gauge.since) gauge.pending -= amount_of(gauge.counts, charge);]]
        [[static_cast<void>(lease + gauge.since + static_cast<std::uint64_t>(charge.tokens));]])
plant()
