{
  port: 8125,
  graphiteHost: "127.0.0.1",
  graphitePort: 2003,
  flushInterval: 10000,
  percentThreshold: [50, 75, 90, 95, 98, 99],
  graphite: { legacyNamespace: false }
}
