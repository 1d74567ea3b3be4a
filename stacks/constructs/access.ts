import { CfnCondition, Fn, type IResolvable, Token } from 'aws-cdk-lib';
import { Construct } from 'constructs';

/** What somebody sees at the address of a practice whose access is closed; at most 1,024 characters ("FixedResponseActionConfig"). */
const closedPage =
  '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
  '<title>Closed</title><h1>This practice is closed at the moment</h1>' +
  '<p>Nothing that it keeps is lost. If you work here, please ask the owner of the practice.</p></html>';

/** Whether a practice's app can be reached. What it keeps is the same either way. */
export class Access extends Construct {
  private readonly open: CfnCondition;

  /** @param access `open` or `closed` */
  constructor(scope: Construct, id: string, access: string) {
    super(scope, id);
    this.open = new CfnCondition(this, 'IsOpen', { expression: Fn.conditionEquals(access, 'open') });
  }

  /** Of tasks: none while the practice is closed. */
  count(whenOpen: number): number {
    return Token.asNumber(this.either(whenOpen, 0));
  }

  /** For what rings about a closed practice although all is as it should be. */
  get whetherOpen(): IResolvable {
    return this.either(true, false);
  }

  /** The action of a listener rule, in CloudFormation's own words, because no construct looks into a condition. */
  forwardTo(targetGroupArn: string): IResolvable {
    return this.either(
      { Type: 'forward', TargetGroupArn: targetGroupArn },
      {
        Type: 'fixed-response',
        FixedResponseConfig: { StatusCode: '503', ContentType: 'text/html', MessageBody: closedPage },
      },
    );
  }

  private either(whenOpen: unknown, whenClosed: unknown): IResolvable {
    return Fn.conditionIf(this.open.logicalId, whenOpen, whenClosed);
  }
}
