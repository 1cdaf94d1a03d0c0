/** `host:port`, `[v6]:port` in its two parts. */
export function splitAddress(address: string): { host: string; port: string } {
  const match = /^\[?(.*?)\]?:(\d+)$/.exec(address);
  return match ? { host: match[1]!, port: match[2]! } : { host: address, port: "1883" };
}

const EVERYWHERE = new Set(["0.0.0.0", "::", ""]);

/** How a broker is reached: one that listens everywhere, by the name under which the page was. */
export const reachable = (host: string, pageHost: string): string =>
  EVERYWHERE.has(host) ? pageHost.replace(/^\[|\]$/g, "") : host;

/**
 * A `mosquitto_pub` line that brings a first value to this broker. A broker that listens everywhere is reached by the
 * name under which the page was. The payload carries no time, so that the line works whenever it is pasted.
 */
export function publishCommand(address: string, pageHost: string, anonymous: boolean): string {
  const { host, port } = splitAddress(address);
  const reach = reachable(host, pageHost);
  const identity = anonymous ? "" : " -u USER -P PASSWORD";
  return `mosquitto_pub -h ${reach} -p ${port}${identity} -q 1 -t danxia/v1/plant1/pump1/telemetry -m '{"values":{"bearing_temp":{"v":61.2,"u":"°C"}}}'`;
}
