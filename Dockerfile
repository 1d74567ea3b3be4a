# The control plane's image, for `control-api`, `worker` and `migrate`. Build context: this checkout.
#   docker build -t lumenality-control-plane .
#
# Releases are built where the checkout is (npm run release:build -- --out DIR), then signed and published to the running control plane
# (docs/rollouts.md); one that is mounted and named by LUMENALITY_RELEASE_DIR is published at the start. On the sandbox the first start builds one.
# /data holds what is no record: keys that were made here, the first token, mails and statements where they are files. Keep it.

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    LUMENALITY_DATA_DIR=/data
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
RUN mkdir /data && chown 10001:10001 /data
USER 10001:10001
VOLUME /data
EXPOSE 8080
# The process drains by itself (LUMENALITY_DRAIN_SECONDS); give it that time and twenty seconds more before it is killed.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8080) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/bin/control-api.js"]
