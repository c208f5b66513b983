// Says early that scripts run, so that what they replace (the "Show" button of filters) never flashes.
document.documentElement.classList.add("js");
